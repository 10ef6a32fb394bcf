//! Stands in for the failpoints where they are not compiled in: every point is passed.

pub(crate) use super::point::Point;

#[inline]
pub(super) fn pass(_: Point) {}

#[inline]
pub(crate) fn check(_: Point) -> rusqlite::Result<()> {
    Ok(())
}
