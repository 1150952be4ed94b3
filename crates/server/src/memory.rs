//! Settings of the process that keep its memory small and given back: of the driver's
//! buffers and of the C library's allocator. Made before any thread is there.
//!
//! Measured by `bench memory`, rows of 4 MiB: 404 to 437 MB without these, 85 to 91 MB with
//! them, but up to 186 MB on a loaded machine: what fills there is not measured yet.
//! Values that the operator set stay.

/// The driver keeps up to 128 buffers as they have grown, each up to 4 MiB, unless it is
/// told so: here a little more than a batch each, and more than all sessions of some jobs need.
const DRIVER: [(&str, &str); 2] = [
    ("MYSQL_ASYNC_BUFFER_SIZE_CAP", "524288"),
    ("MYSQL_ASYNC_BUFFER_POOL_CAP", "64"),
];

#[allow(
    unsafe_code,
    reason = "the driver takes these settings from the environment alone; no other thread is there yet"
)]
pub(crate) fn set_up() {
    for (name, value) in DRIVER {
        if std::env::var_os(name).is_none() {
            unsafe { std::env::set_var(name, value) };
        }
    }
    bound_allocator();
}

/// The GNU allocator learns from a freed block of some MiB to keep such blocks, in one
/// arena for each thread; a fixed threshold gives each of them back as it is freed.
#[cfg(target_env = "gnu")]
#[allow(
    unsafe_code,
    reason = "mallopt() takes two numbers; a setting it refuses is left as it was"
)]
fn bound_allocator() {
    const LARGE: libc::c_int = 1 << 20;
    const ARENAS: libc::c_int = 2;
    for (name, value) in [
        (libc::M_MMAP_THRESHOLD, LARGE),
        (libc::M_TRIM_THRESHOLD, LARGE),
        (libc::M_ARENA_MAX, ARENAS),
    ] {
        unsafe { libc::mallopt(name, value) };
    }
}

#[cfg(not(target_env = "gnu"))]
fn bound_allocator() {}
