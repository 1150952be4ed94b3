//! How to go on with a job that the command line leaves: in words, with the
//! commands to type.
//!
//! Pure. A job of a named server goes on there; one of an embedded server stands
//! at its checkpoint until a server runs on the same folder.

use std::path::Path;

/// Where a left job is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Home<'a> {
    /// At a server of this address.
    Server(&'a str),
    /// In the folder of an embedded server that ends with the command.
    Folder(&'a Path),
}

impl Home<'_> {
    /// What makes the job reachable, to be put before a command; and that command's options.
    fn reached(self) -> (String, String) {
        match self {
            Home::Server(url) => (String::new(), format!(" --server {url}")),
            Home::Folder(data) => {
                let data = data.display();
                let serve = format!("run `tidegate serve --data {data}`, then ");
                (serve, format!(" --credentials {data}/credentials"))
            }
        }
    }
}

/// A job that nothing stands in the way of.
pub(crate) fn left(job: &str, home: Home<'_>, started: bool) -> String {
    let (first, options) = home.reached();
    if !started {
        return format!(
            "job {job} is not started; to remove it, {first}`tidegate job remove {job}{options}`"
        );
    }
    let place = match home {
        Home::Server(url) => format!("job {job} goes on at {url}"),
        Home::Folder(data) => format!("job {job} stands at its checkpoint in {}", data.display()),
    };
    format!(
        "{place}\n  watch:    {first}`tidegate job watch {job}{options}`\n  cut over: `tidegate job complete \
         {job}{options}`\n  end it:   `tidegate job stop {job}{options}`"
    )
}

/// A job in trouble; only one in state `error` can be tried again.
pub(crate) fn after_trouble(job: &str, home: Home<'_>, state: &str) -> String {
    let (first, options) = home.reached();
    match state {
        "error" | "resumableErr" => {
            format!(
                "when that is mended, {first}`tidegate job resume {job}{options}` goes on from the checkpoint"
            )
        }
        _ => format!("the job is over; to remove it, {first}`tidegate job remove {job}{options}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_next() {
        let check = |text: String, parts: &[&str]| {
            for part in parts {
                assert!(text.contains(part), "{part} in {text}");
            }
        };
        let (server, folder) = (Home::Server("http://h:1"), Home::Folder(Path::new("/d")));
        check(
            left("dts-1", server, true),
            &[
                "goes on at http://h:1",
                "`tidegate job complete dts-1 --server http://h:1`",
            ],
        );
        check(
            left("dts-1", folder, true),
            &[
                "in /d",
                "`tidegate serve --data /d`",
                "watch dts-1 --credentials /d/credentials`",
            ],
        );
        check(left("dts-1", server, false), &["not started", "job remove dts-1"]);
        check(
            after_trouble("dts-1", server, "error"),
            &["job resume dts-1 --server http://h:1`"],
        );
        check(
            after_trouble("dts-1", folder, "failed"),
            &["over", "serve --data /d", "job remove dts-1"],
        );
    }
}
