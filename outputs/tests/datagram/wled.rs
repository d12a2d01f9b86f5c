//! WLED packets to a socket, to a group and to the decoder in Python. Test code.

use std::net::{Ipv4Addr, UdpSocket};

use outputs::output::Output;
use outputs::view::View;
use outputs::wled::{PACKET_BYTES, WledConfig, WledOutput};

use crate::receiver::{PATIENCE, Receiver, at_ms, datagram, phrase_start, socket};

fn view(ms: u64) -> View {
    let mut view = View { now: at_ms(ms), beat: Some(phrase_start()), locked: true, level: 0.5, ..View::default() };
    view.bands[1] = 1.0;
    view
}

#[test]
fn packets_are_44_bytes_and_the_first_after_the_beat_has_the_peak() {
    let (socket, target) = socket();
    let mut output = WledOutput::new(WledConfig { target, ..WledConfig::default() });
    output.open().unwrap();
    for ms in [505, 527] {
        output.frame(&view(ms)).unwrap();
    }
    let first = datagram(&socket);
    assert_eq!(first.len(), PACKET_BYTES);
    let mut expected = Vec::from(*b"00002\0\0\0");
    expected.extend([0, 0, 0xff, 0x42, 0, 0, 0xff, 0x42, 1, 0]); // 127.5 twice, a peak
    expected.extend([0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(4096.0_f32.to_le_bytes());
    expected.extend((86.0_f32 * 129.0).sqrt().to_le_bytes());
    assert_eq!(first, expected);
    expected[16] = 0;
    assert_eq!(datagram(&socket), expected, "the same, without a peak");
}

#[test]
fn another_decoder_reads_them_and_the_silence_at_the_end() {
    let Some(receiver) = Receiver::listen("wled.py", &["--group", ""]) else { return };
    let mut output = WledOutput::new(WledConfig { target: receiver.address.clone(), ..WledConfig::default() });
    output.open().unwrap();
    output.frame(&view(505)).unwrap();
    output.frame(&view(527)).unwrap();
    output.close();
    let sound = "raw 127.5 smooth 127.5 bands 0 254 0 0 0 0 0 0 0 0 0 0 0 0 0 0 magnitude 4096 at 105.3 Hz";
    let silence = "- raw 0 smooth 0 bands 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 magnitude 0 at 1.0 Hz";
    assert_eq!(receiver.lines(), [format!("BEAT {sound}"), format!("- {sound}"), silence.to_owned()]);
}

#[test]
fn members_of_the_group_hear_it_on_the_interface_that_was_chosen() {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    if let Err(error) = socket.join_multicast_v4(&Ipv4Addr::new(239, 0, 0, 1), &Ipv4Addr::LOCALHOST) {
        eprintln!("SKIPPED: this machine's loopback has no multicast: {error}");
        return;
    }
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = WledConfig { target: format!("239.0.0.1:{port}"), interface: "127.0.0.1".into(), ..WledConfig::default() };
    let mut output = WledOutput::new(config);
    output.open().unwrap();
    output.frame(&view(505)).unwrap();
    assert_eq!(datagram(&socket).len(), PACKET_BYTES);
}
