//! Scripts of calls: what to do, and how long after the call has begun, as in `2s hold; 4s unhold; 5s dtmf 123#; 8s end`.

use std::collections::VecDeque;
use std::time::Duration;

use sipsimple_core::time::Instant;

use crate::action::Action;
use crate::value;

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    after: Duration,
    action: Action,
}

/// What to do in a call, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    steps: Vec<Step>,
}

/// Reads a script. Steps are done in the order of their times, those of one time in the order in which they stand.
///
/// # Errors
/// When a step is none.
pub(crate) fn script(text: &str) -> Result<Script, String> {
    let mut steps = Vec::new();
    for step in text.split(';').map(str::trim).filter(|step| !step.is_empty()) {
        let (time, action) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
        let seconds =
            time.strip_suffix('s').ok_or_else(|| format!("'{step}' does not begin with a time, as in '2s end'"))?;
        steps.push(Step { after: value::seconds(seconds)?, action: Action::parse(action)? });
    }
    if steps.is_empty() {
        return Err("there is nothing in it, as in '2s end'".to_owned());
    }
    steps.sort_by_key(|step| step.after);
    Ok(Script { steps })
}

impl Script {
    /// Whether it answers the call itself, so that it begins when the call comes.
    pub(crate) fn answers(&self) -> bool {
        self.steps.first().is_some_and(|step| matches!(step.action, Action::Accept | Action::Reject(_)))
    }

    /// The script of one call, which has begun now.
    pub(crate) fn begin(&self, now: Instant) -> Schedule {
        Schedule { steps: self.steps.iter().map(|step| (now + step.after, step.action.clone())).collect() }
    }
}

/// What is still to be done in a call.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    steps: VecDeque<(Instant, Action)>,
}

impl Schedule {
    /// When something is to be done.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.steps.front().map(|(at, _)| *at)
    }

    /// What is to be done now, if anything is.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        self.due().filter(|at| *at <= now)?;
        self.steps.pop_front().map(|(_, action)| action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_done_in_the_order_of_their_times() {
        let at = Instant::from_millis;
        let script = script("2s hold; 8s end; 0.5s dtmf 1; 2s unhold;").unwrap();
        assert!(!script.answers());
        let mut schedule = script.begin(at(1000));
        assert_eq!((schedule.due(), schedule.next(at(1499))), (Some(at(1500)), None));
        let mut done = Vec::new();
        for now in [1500, 3000, 8999, 9000] {
            while let Some(action) = schedule.next(at(now)) {
                done.push((now, action));
            }
        }
        let expected = [
            (1500, Action::Dtmf(value::keys("1").unwrap())),
            (3000, Action::Hold),
            (3000, Action::Unhold),
            (9000, Action::End),
        ];
        assert_eq!(done, expected);
        assert_eq!(schedule.due(), None);
    }

    #[test]
    fn a_script_can_answer_itself() {
        assert!(script("1s accept; 2s end").unwrap().answers());
        assert!(script("1s reject 486").unwrap().answers());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "nothing in it"),
            (" ; ", "nothing in it"),
            ("hold", "'hold' does not begin with a time"),
            ("2 hold", "'2 hold' does not begin with a time"),
            ("2s", "'' is none of"),
            ("-1s end", "not a number of seconds"),
            ("1s end; 2s sing", "'sing' is none of"),
        ] {
            let error = script(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
