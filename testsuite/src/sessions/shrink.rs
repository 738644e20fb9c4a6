//! A program that fails is made as short as it still fails.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Once;

use super::act::Step;
use super::{Program, Report};

/// A program that fails, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The program.
    pub program: Program,
    /// Those of its steps that it takes to fail.
    pub steps: Vec<Step>,
    /// What is wrong.
    pub why: String,
    /// What went over the wire, and what was told.
    pub ladder: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "session program {} fails, made as short as it still does:", self.program.seed)?;
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        write!(f, "{}{}\nto run this again: {}", self.ladder, self.why, self.program.command())
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs something; an error when it panics, which is not printed.
pub(super) fn attempt<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.with(Cell::get) {
                before(info);
            }
        }));
    });
    let quiet = QUIET.with(|quiet| quiet.replace(true));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    QUIET.with(|known| known.set(quiet));
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// Whether two failures are the same: of one property.
fn same(one: &str, other: &str) -> bool {
    let name = |text: &str| text.split_whitespace().find(|word| word.contains('-')).map(str::to_owned);
    name(one) == name(other)
}

/// Takes steps away as long as the same failure is left: first many at once, then one by one.
pub(super) fn shrink(program: &Program, steps: Vec<Step>, why: String) -> Failure {
    let (mut steps, mut why) = (steps, why);
    let fails = |steps: &[Step]| {
        let result: Result<Report, String> = attempt(|| program.repeat(steps, None));
        result.err()
    };
    if let Some(again) = fails(&steps) {
        why = again;
        let mut size = steps.len() / 2;
        while size > 0 {
            let mut start = 0;
            while start < steps.len() {
                let end = (start + size).min(steps.len());
                let mut fewer = steps.clone();
                let gone: Vec<Step> = fewer.drain(start..end).collect();
                // The time that they took passes all the same.
                if let Some(next) = fewer.get_mut(start) {
                    next.after += gone.iter().map(|step| step.after).sum();
                }
                match fails(&fewer).filter(|again| same(again, &why)) {
                    Some(again) => (steps, why) = (fewer, again),
                    None => start = end,
                }
            }
            size /= 2;
        }
    }
    let lines = Rc::new(RefCell::new(String::new()));
    let _ = attempt(|| program.repeat(&steps, Some(Rc::clone(&lines))));
    let ladder = lines.take();
    Failure { program: program.clone(), steps, why, ladder }
}
