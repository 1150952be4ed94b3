//! What `tidegate migrate` asks before it cuts over: a person, and a command of
//! the user's.
//!
//! Both may take as long as they like; a Ctrl-C meanwhile is heard.

use std::io::Write as _;

use tidegate_model::{Error, Result};

/// Runs the user's command to its end.
pub(crate) async fn prepared(command: &str) -> Result<()> {
    let mut shell = tokio::process::Command::new("sh");
    let failed = |why: String| {
        Error::needs_user("the command before the cutover failed").caused_by(Error::needs_user(why))
    };
    // Stdout is for our result alone.
    shell
        .arg("-c")
        .arg(command)
        .stdout(std::io::stderr())
        .kill_on_drop(true);
    let status = shell.status().await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Asks on a thread of its own, so that Ctrl-C is heard meanwhile.
pub(crate) async fn confirmed(question: &str) -> Result<bool> {
    eprint!("{question}");
    let _ = std::io::stderr().flush();
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        // Nobody waits any more: the question was left.
        let _ = tell.send(read.map(|_| answer));
    });
    let answer = told
        .await
        .map_err(|error| Error::bug("the question ended without an answer").caused_by(error))?;
    let answer = answer.map_err(|error| Error::needs_user("cannot read the answer").caused_by(error))?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        let check = |answer, expected| assert_eq!(is_yes(answer), expected, "{answer}");
        check("y\n", true);
        check(" YES \n", true);
        check("", false);
        check("n\n", false);
        check("yup\n", false);
    }

    #[tokio::test]
    async fn a_command_that_fails_is_told() {
        assert!(prepared("exit 0").await.is_ok());
        let error = prepared("exit 3").await.expect_err("it fails");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }
}
