//! Oracle and simulation for tests of the router.
