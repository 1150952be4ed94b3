//! Waiting for a condition with a deadline: the one place of the tests that
//! sleeps. The error says what was waited for, and how the last look went.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Between two looks: short enough not to be felt, long enough to leave a small
/// machine's processors to what is waited for.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks at `condition` until it holds. An error of the condition ends the wait.
pub async fn wait_until(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let look = tokio::time::timeout(deadline.saturating_sub(begun.elapsed()), condition());
        match look.await {
            Ok(held) => {
                if held.with_context(|| format!("while waiting for {what}"))? {
                    return Ok(());
                }
            }
            Err(_) => bail!("{what}: still not so after {deadline:?}, and the last look did not end"),
        }
        if begun.elapsed() >= deadline {
            bail!("{what}: still not so after {deadline:?}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same for code that blocks.
pub fn wait_until_blocking(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !condition().with_context(|| format!("while waiting for {what}"))? {
        if begun.elapsed() >= deadline {
            bail!("{what}: still not so after {deadline:?}");
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_when_the_condition_holds() {
        let mut looks = 0;
        wait_until("third look", Duration::from_secs(5), async || {
            looks += 1;
            Ok(looks == 3)
        })
        .await
        .unwrap();
        assert_eq!(looks, 3);
    }

    #[tokio::test]
    async fn the_error_says_what_was_waited_for() {
        let error = wait_until("the moon", Duration::from_millis(30), async || Ok(false))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("the moon"), "{error}");
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_cut_at_the_deadline() {
        let hangs = async || std::future::pending::<anyhow::Result<bool>>().await;
        let error = wait_until("a sign", Duration::from_millis(30), hangs)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("a sign"), "{error}");
    }
}
