//! The traits that an engine implements, and what passes between a source and a
//! target: batches, changes, checkpoints.
//!
//! An engine crate sees `model` and this crate only. The `engine` crate drives
//! these traits and names no database. The doc comments here are the contract.

pub mod batch;
pub mod checkpoint;
pub mod clock;
pub mod digest;
pub mod registry;
pub mod source;
pub mod structure;
pub mod target;

pub use batch::{BatchReceiver, BatchSender, batch_channel};
pub use checkpoint::{Checkpoint, ChunkMark};
pub use clock::{Clock, SystemClock};
pub use digest::{Depth, Digester, Named, RowDigest, TableDigest};
pub use registry::{CheckStepRule, EngineLink, Registry};
pub use source::{ChangeStream, Chunk, Proof, Snapshot, SnapshotReader, Source};
pub use structure::{AccountDef, DatabaseDef, Facts, Moment, StoredDef, Structure, TableDef, ViewDef};
pub use target::{Applier, ApplyMode, DdlOutcome, LoadOutcome, LoadTask, Loader, TableWork, Target};
