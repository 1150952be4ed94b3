//! tidegate-cli
