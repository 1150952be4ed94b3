//! The public wire API: who asks (signature), what is asked (parameters), how
//! it is answered (envelope, codes).
//!
//! Relies on `model` for error kinds alone. Opens no socket and keeps no state:
//! the server feeds it requests, the command line signs with it.

pub mod actions;
pub mod codes;
pub mod contract;
pub mod credentials;
pub mod decode;
pub mod encode;
pub mod envelope;
pub mod operator;
pub mod progress;
pub mod roles;
pub mod sign;

pub use codes::ApiError;
