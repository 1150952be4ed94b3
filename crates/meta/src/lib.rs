//! tidegate-meta
