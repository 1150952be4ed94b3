//! tidegate-mysql
