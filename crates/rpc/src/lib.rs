//! tidegate-rpc
