//! What the system says of the process: memory, files, time. Of Linux alone; elsewhere nothing is told.

/// The process at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProcessFacts {
    pub(super) cpu_seconds: f64,
    pub(super) open_files: u64,
    pub(super) max_files: Option<u64>,
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    /// When it was started, in seconds since 1970.
    pub(super) started_at: f64,
}

impl ProcessFacts {
    /// What the system says now.
    #[cfg(not(target_os = "linux"))]
    pub(super) const fn gather() -> Option<Self> {
        None
    }

    /// What the system says now; none where it does not say.
    #[cfg(target_os = "linux")]
    pub(super) fn gather() -> Option<Self> {
        use rustix::process::{Resource, getrlimit};
        let read = |file: &str| std::fs::read_to_string(file).ok();
        let stat = Stat::parse(&read("/proc/self/stat")?)?;
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Some(Self {
            cpu_seconds: stat.cpu_ticks as f64 / ticks,
            open_files: std::fs::read_dir("/proc/self/fd").ok()?.count() as u64,
            max_files: getrlimit(Resource::Nofile).current,
            resident_bytes: stat.resident_pages * rustix::param::page_size() as u64,
            virtual_bytes: stat.virtual_bytes,
            started_at: boot_time(&read("/proc/stat")?)? + stat.started_ticks as f64 / ticks,
        })
    }
}

/// What `/proc/self/stat` has, as far as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(target_os = "linux")]
struct Stat {
    cpu_ticks: u64,
    /// Since the system was started.
    started_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

#[cfg(target_os = "linux")]
impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name of the program comes second, in parentheses, and may have any character.
        let (_, after_name) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // As proc(5) counts them, from 1.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            started_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system was started, in seconds since 1970, from `/proc/stat`.
#[cfg(target_os = "linux")]
fn boot_time(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_may_be_anything() {
        let text = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 70 30 0 0 20 0 9 0 5000 1048576 300 18446744073709551615";
        let expected =
            Stat { cpu_ticks: 100, started_ticks: 5000, virtual_bytes: 1_048_576, resident_pages: 300 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("42 (short) S 1"), None);
        assert_eq!(boot_time("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
    }

    #[test]
    fn this_process_has_files_and_memory() {
        let facts = ProcessFacts::gather().unwrap();
        assert!(facts.open_files > 2 && facts.resident_bytes > 1 << 20, "{facts:?}");
        assert!(facts.virtual_bytes >= facts.resident_bytes && facts.started_at > 1.6e9, "{facts:?}");
    }
}
