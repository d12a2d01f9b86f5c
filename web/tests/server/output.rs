//! The server as an output of a run.

use std::net::TcpListener;
use std::time::Duration;

use outputs::output::{Output, OutputError};
use outputs::view::View;
use tungstenite::Message;
use web::{WebConfig, WebOutput};

use crate::support::*;

#[test]
fn a_run_drives_it() {
    let mut output = WebOutput::new(WebConfig { state_hz: 20.0, ..config() });
    assert_eq!((output.name(), output.detail()), ("web 127.0.0.1:0".to_owned(), String::new()));
    assert_eq!((output.lead(), output.frame_interval()), (Duration::from_millis(500), Some(Duration::from_millis(50))));
    output.open().unwrap();
    let address = output.server().unwrap().address();
    assert_eq!((output.name(), output.detail()), (format!("web {address}"), "0 clients".to_owned()));
    output.poll(START).unwrap();
    let mut client = Client::connect(output.server().unwrap());
    let hello = client.next();
    assert!(hello["clock"]["mono_ns"].as_u64().unwrap() >= START.mono_ns, "the run's clock: {hello}");
    assert_eq!(output.detail(), "1 client");
    output.event(&beat(3), START).unwrap();
    output.frame(&View { bpm: 99.0, ..View::default() }).unwrap();
    assert_eq!(client.next_of("beat")["number"], 3);
    assert_eq!(client.next_of("state")["bpm"], 99.0);
    output.close();
    wait_until("the client's connection ends", || !matches!(client.socket.read(), Ok(Message::Text(_))));
    assert!(output.poll(START).is_err() && output.detail().is_empty());
}

#[test]
fn a_port_in_use_is_named_and_tried_again() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let mut output = WebOutput::new(WebConfig { listen: address.to_string(), ..config() });
    let error = output.open().unwrap_err();
    let expected =
        format!("cannot listen on {address}: port {} is in use by another program; end that one or choose another port", address.port());
    assert_eq!(error.to_string(), expected);
    assert!(error.may_pass());
    drop(other);
    wait_until("the port is free", || output.open().is_ok());
    // Opened again while open: the old server makes room.
    output.open().unwrap();
    assert_eq!(output.server().unwrap().address(), address);
}

#[test]
fn what_can_never_work_is_not_tried_again() {
    let mut output = WebOutput::new(WebConfig { listen: "0.0.0.0:0".to_owned(), ..config() });
    assert!(matches!(output.open(), Err(OutputError::Unusable(message)) if message.contains("needs a token")));
}
