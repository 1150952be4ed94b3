//! Real database servers on 127.0.0.1, several versions side by side.
//!
//! A version is one entry of the table in `flavor`. Its packages and all they
//! need are unpacked into a root folder of its own (`apt`, `root`) and run
//! through that root's own loader, so nothing is installed on the machine and no
//! library of the machine is used. Servers run as an unprivileged account, with
//! a private data folder, and end with the process that started them (`process`).

mod apt;
mod client;
mod db_server;
mod family;
mod flavor;
mod home;
mod instance;
mod named;
mod process;
mod root;

pub(crate) use apt::run;
pub use client::Rows;
pub use db_server::DbServer;
pub use flavor::Flavor;
pub use home::home;
pub(crate) use home::lock;
pub use instance::{Listed, list, stop};

/// Makes sure that the roots of these flavors are there; without work to do it
/// takes no network. Blocks. Flavors are fetched side by side.
pub fn fetch(flavors: &[Flavor]) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = flavors
            .iter()
            .map(|flavor| scope.spawn(move || root::ensure(*flavor).map(drop)))
            .collect();
        running.into_iter().try_for_each(|one| match one.join() {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!("a fetch panicked")),
        })
    })
}
