//! How many instructions each piece of work takes and how often it allocates, counted by valgrind: the same numbers in every run.
//!
//! `cargo bench -p sipsimple-testsuite --bench instructions [-- NAME...]` prints a table. Each piece runs in a process of its own under
//! callgrind, which counts between [`count_from_here`] and [`count_to_here`]; what prepares the work, and its first rounds, stay outside.
//! The profiles are left in the build's temporary directory, for `callgrind_annotate`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sipsimple_testsuite::cost::{Cost, Work};

/// Tells the process that it is to do this piece of work.
const CHILD: &str = "--measure";
/// Rounds before the count begins: buffers have their size, and tables are warm.
const WARM_UP: usize = 3;
/// Rounds that are counted.
const ROUNDS: u64 = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, name] = arguments.as_slice()
        && flag == CHILD
    {
        let Some(work) = Work::named(name) else { return ExitCode::FAILURE };
        run(&work);
        return ExitCode::SUCCESS;
    }
    let wanted = |work: &Work| arguments.is_empty() || arguments.iter().any(|name| work.name.contains(name));
    println!("| work | unit | instructions | allocations | target |");
    println!("|---|---|---|---|---|");
    for work in Work::all().into_iter().filter(|work| wanted(work)) {
        match measure(&work) {
            Ok(cost) => println!("{}", row(&work, &cost)),
            Err(error) => {
                eprintln!("{}: {error}", work.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// What a unit took, as means.
struct Measured {
    instructions: f64,
    allocations: f64,
}

fn row(work: &Work, measured: &Measured) -> String {
    let target = match work.target {
        None => "–".to_owned(),
        Some(Cost { instructions: None, allocations }) => format!("{allocations} allocations"),
        Some(Cost { instructions: Some(instructions), allocations }) => format!("{instructions} and {allocations}"),
    };
    let Measured { instructions, allocations } = measured;
    format!("| {} | {} | {instructions:.0} | {allocations:.2} | {target} |", work.name, work.unit)
}

fn run(work: &Work) {
    let mut round = (work.prepare)();
    for _ in 0..WARM_UP {
        round();
    }
    count_from_here();
    for _ in 0..ROUNDS {
        round();
    }
    count_to_here();
}

/// When this is called, callgrind forgets what it has counted.
#[inline(never)]
fn count_from_here() {
    std::hint::black_box(1);
}

/// When this is called, callgrind writes down what it has counted.
#[inline(never)]
fn count_to_here() {
    std::hint::black_box(2);
}

/// Runs a piece of work under callgrind, and reads what it has counted.
fn measure(work: &Work) -> Result<Measured, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{}", work.name));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(["--zero-before=instructions::count_from_here", "--dump-before=instructions::count_to_here"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args([CHILD, work.name])
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let units = (ROUNDS * work.units) as f64;
    // The first dump is of the work, and a last one of what came after it.
    let (instructions, allocations) = read(&profile.with_extension(format!("{}.1", work.name)))?;
    Ok(Measured { instructions: instructions as f64 / units, allocations: allocations as f64 / units })
}

/// The instructions of a profile, and the calls of the allocator in it.
fn read(profile: &Path) -> Result<(u64, u64), String> {
    let text = fs::read_to_string(profile).map_err(|error| error.to_string())?;
    let mut names = BTreeMap::new();
    let (mut instructions, mut allocations) = (0, 0);
    let mut allocates = false;
    for line in text.lines() {
        if let Some(total) = line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")) {
            instructions = total.trim().parse().map_err(|_| format!("no count: {line}"))?;
        } else if let Some(name) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            // A name is told once, with a number in front: `(12) malloc`; then the number stands for it.
            let (number, told) = name.split_once(' ').unwrap_or((name, ""));
            if !told.is_empty() {
                names.insert(number.to_owned(), matches!(told, "malloc" | "calloc" | "realloc" | "posix_memalign"));
            }
            allocates = names.get(number).copied().unwrap_or(false);
        } else if let Some(calls) = line.strip_prefix("calls=")
            && allocates
        {
            let count = calls.split(' ').next().unwrap_or_default();
            allocations += count.parse::<u64>().map_err(|_| format!("no count: {line}"))?;
        }
    }
    if instructions == 0 { Err("nothing was counted".to_owned()) } else { Ok((instructions, allocations)) }
}
