"""tccli has no option for a certificate authority: it asks certifi for the list of all of them.

A user adds the authority to that list; a test must not, for the packages are shared."""
import os

import certifi

if os.environ.get("TIDEGATE_CA"):
    certifi.where = lambda: os.environ["TIDEGATE_CA"]
