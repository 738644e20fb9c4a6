//! An application from start to stop.

use super::*;

const MOMENT: Duration = Duration::from_millis(50);

fn names(application: &Application) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Some(event) = application.next_event() {
        names.extend(event.names());
    }
    names
}

#[test]
fn it_tells_its_life_in_order_and_then_nothing() {
    let application = Application::start(Settings::default()).unwrap();
    application.stop(MOMENT);
    let expected =
        ["SIPApplicationWillStart", "SIPApplicationDidStart", "SIPApplicationWillEnd", "SIPApplicationDidEnd"];
    assert_eq!(names(&application), expected);
    assert_eq!(application.end(SessionId::from_u64(0)), Err(ApplicationError::Stopped));
    application.stop(MOMENT);
    assert!(application.next_event().is_none());
}

#[test]
fn no_event_within_a_time_is_no_end() {
    let application = Application::start(Settings::default()).unwrap();
    while application.next_event_within(MOMENT).is_some() {}
    assert_eq!(application.with_agent(|_, now| now <= Instant::from_millis(u64::MAX)), Ok(true));
}

#[test]
fn a_trace_that_cannot_be_written_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { trace: Some(dir.path().join("missing/trace")), ..Settings::default() };
    let error = Application::start(settings).unwrap_err();
    assert!(matches!(error, StartError::Trace { .. }), "{error}");
}
