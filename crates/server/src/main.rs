//! The tidegate binary.

#[allow(dead_code, reason = "wired when the control side can answer calls")]
mod http;

fn main() {}
