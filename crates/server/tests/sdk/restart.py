"""A migration in two scripts, for what happens in between: `begin` ends while it runs, `caught-up`
when it is ready to be completed; `end` completes it.

Arguments: begin|caught-up|end, a file for the job's id, the ports of source and target, their user and password."""
import sys

from client import *

phase, file, source, target, user, password = sys.argv[1:]
ends = dict(source=side(int(source), user, password), target=side(int(target), user, password))

if phase in ("begin", "caught-up"):
    job = create()[0]
    chosen = {"ObjectMode": "partial", "Databases": [{"DbName": "shop", "DBMode": "all"}]}
    call("ModifyMigrationJob", **configuration(job, objects=chosen, **ends))
    call("CreateMigrateCheckJob", JobId=job)
    until(job, "checkPass")
    call("StartMigrateJob", JobId=job)
    until(job, "running")
    open(file, "w").write(job)
    if phase == "caught-up":
        until(job, "readyComplete")
else:
    job = open(file).read()
    # Nobody says anything to it: it goes on by itself.
    assert detail(job)["Status"] in ("running", "readyComplete"), detail(job)["Status"]
    until(job, "readyComplete")
    call("CompleteMigrateJob", JobId=job)
    found = until(job, "success")
    record = json.loads(found["StepInfo"]["StepInfo"][2]["StepMessage"])
    assert record["equal"], record
