//! A TOML file and the environment as defaults of a command line, for both programs.
//!
//! Flags win over the environment, that over the file, that over the program's own defaults. What is wrong in
//! a file or in the environment is reported all at once.

mod environment;
mod file;
mod value;

pub use environment::{environment_problems, with_environment};
pub use file::{FileError, KeyProblem, KeyProblems, read, with_table};
pub use value::ValueProblem;
