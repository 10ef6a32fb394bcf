//! The simulation: one router, driven from one thread by a seed, and compared with the oracle
//! after every step. The same seed does the same things, so a failure can be looked at again.

mod describe;
mod door;
mod held_back;
mod link;
mod receiver;
mod restart;
mod settings;
mod violation;
mod workload;
mod world;

use std::fmt;

pub use violation::Violation;
use world::World;

/// A seed that broke a rule, with the fewest steps that do.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was done, the last step being the one that showed it.
    pub steps: Vec<String>,
    /// The session that saw it, by the order in which sessions came; `None` for the router itself.
    pub session: Option<usize>,
    /// The rule.
    pub violation: Violation,
}

/// Runs one seed.
///
/// # Errors
///
/// The failure, with the shortest prefix of its steps that still shows it.
pub fn run(seed: u64) -> Result<(), Box<Failure>> {
    let Err(failure) = run_steps(seed, STEPS) else {
        return Ok(());
    };
    // Each prefix ends with everything being read, so a shorter one may show the same.
    let shorter = (0..failure.steps.len()).find_map(|steps| run_steps(seed, steps).err());
    Err(shorter.unwrap_or(failure))
}

fn run_steps(seed: u64, steps: usize) -> Result<(), Box<Failure>> {
    let mut world = World::new(seed);
    let result = (0..steps)
        .try_for_each(|_| world.step())
        .and_then(|()| world.end());
    result.map_err(|(session, violation)| {
        let steps = world.into_trace();
        Box::new(Failure {
            seed,
            steps,
            session,
            violation,
        })
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "seed {} broke a rule in {} steps:",
            self.seed,
            self.steps.len()
        )?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(out, "{number:4} {step}")?;
        }
        match self.session {
            Some(session) => writeln!(out, "session {session}: {}", self.violation)?,
            None => writeln!(out, "router: {}", self.violation)?,
        }
        let seed = self.seed;
        write!(
            out,
            "again: SIM_SEED={seed} cargo test -p clasp-router --test simulation"
        )
    }
}

/// Steps of one seed.
const STEPS: usize = 120;
