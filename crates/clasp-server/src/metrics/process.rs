//! What the system knows of this process, where it tells: on Linux.

use std::fs;

/// Resources in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) open_files: Option<u64>,
    pub(crate) open_files_max: Option<u64>,
}

impl Resources {
    pub(crate) fn now() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
        Self {
            resident_bytes: read("status").as_deref().and_then(resident_bytes),
            open_files: open_files(),
            open_files_max: read("limits").as_deref().and_then(open_files_max),
        }
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The size of the directory is their number since Linux 6.2; before, they have to be counted.
fn open_files() -> Option<u64> {
    match fs::metadata(DESCRIPTORS).ok()?.len() {
        0 => Some(fs::read_dir(DESCRIPTORS).ok()?.count() as u64),
        count => Some(count),
    }
}

fn open_files_max(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

const DESCRIPTORS: &str = "/proc/self/fd";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_system_are_understood() {
        let status = "Name:\tclasp-relay\nVmHWM:\t    9999 kB\nVmRSS:\t    1616 kB\n";
        assert_eq!(resident_bytes(status), Some(1616 * 1024));
        assert_eq!(resident_bytes("Name:\tclasp-relay\n"), None);
        let limits =
            "Limit         Soft Limit  Hard Limit  Units\nMax open files   20000   30000   files\n";
        assert_eq!(open_files_max(limits), Some(20_000));
        assert_eq!(
            open_files_max("Max open files   unlimited   unlimited   files\n"),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_file_is_counted() {
        let _held: Vec<_> = (0..50)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        let resources = Resources::now();
        assert!(resources.open_files.is_some_and(|count| count > 50));
        assert!(resources.open_files_max > resources.open_files);
        assert!(
            resources
                .resident_bytes
                .is_some_and(|bytes| bytes > 1 << 20)
        );
    }
}
