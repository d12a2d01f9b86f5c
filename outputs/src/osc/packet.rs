//! OSC messages and bundles as bytes, and moments as NTP time tags. Pure.

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use crate::event::Moment;
use crate::output::OutputError;

/// Seconds from 1900 to 1970 (RFC 5905, section 6).
const NTP_TO_UNIX_SEC: u64 = 2_208_988_800;
const NS_PER_SEC: u64 = 1_000_000_000;

/// One message.
pub type Message = OscMessage;

/// An argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg<'a> {
    /// `i`.
    Int(i64),
    /// `f`.
    Float(f64),
    /// `s`.
    Text(&'a str),
}

/// Makes a message. A whole number beyond 32 bits stops at the last one; a float that is none becomes 0, for receivers
/// calculate with it.
pub fn message(address: impl Into<String>, args: &[Arg<'_>]) -> Message {
    let args = args
        .iter()
        .map(|arg| match *arg {
            Arg::Int(value) => OscType::Int(value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32),
            Arg::Float(value) => OscType::Float(if value.is_finite() { value as f32 } else { 0.0 }),
            // A string ends at its first zero byte.
            Arg::Text(text) => OscType::String(text.replace('\0', "")),
        })
        .collect();
    Message { addr: address.into(), args }
}

/// A counter as an argument: it goes on from 0 after 2^31 - 1.
pub fn counter(value: u64) -> Arg<'static> {
    Arg::Int((value & 0x7fff_ffff) as i64)
}

/// A message's bytes.
///
/// # Errors
/// It cannot be written.
pub fn encode(message: Message) -> Result<Vec<u8>, OutputError> {
    rosc::encoder::encode(&OscPacket::Message(message)).map_err(unwritable)
}

/// The bytes of a bundle that is for the moment `at`.
///
/// # Errors
/// It cannot be written.
pub fn encode_at(at: Moment, messages: Vec<Message>) -> Result<Vec<u8>, OutputError> {
    let content = messages.into_iter().map(OscPacket::Message).collect();
    rosc::encoder::encode(&OscPacket::Bundle(OscBundle { timetag: time_tag(at.unix_ns), content })).map_err(unwritable)
}

/// NTP time of a moment in nanoseconds since 1970: seconds since 1900, which start again in 2036, and fractions of 2^-32 s.
pub fn time_tag(unix_ns: u64) -> OscTime {
    let seconds = (unix_ns / NS_PER_SEC + NTP_TO_UNIX_SEC) as u32;
    let fractional = (((unix_ns % NS_PER_SEC) << 32) / NS_PER_SEC) as u32;
    OscTime { seconds, fractional }
}

/// Whether it can stand before an address: empty, or names after slashes, without the characters that patterns are made of.
pub fn is_prefix(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    text.is_empty() || (text.len() <= 200 && text.strip_prefix('/').is_some_and(|names| names.split('/').all(is_name)))
}

fn unwritable(error: rosc::OscError) -> OutputError {
    OutputError::Protocol(format!("osc message cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_address_types_and_big_endian_arguments() {
        let bytes = encode(message("/beat", &[Arg::Int(7), Arg::Float(128.0), Arg::Float(0.5)])).unwrap();
        let expected = b"/beat\0\0\0,iff\0\0\0\0\0\0\0\x07\x43\x00\0\0\x3f\0\0\0";
        assert_eq!(bytes, expected);
        let bytes = encode(message("/section", &[Arg::Text("chorus"), Arg::Float(1.0)])).unwrap();
        assert_eq!(bytes, b"/section\0\0\0\0,sf\0chorus\0\0\x3f\x80\0\0");
    }

    #[test]
    fn a_bundle_is_its_name_the_time_and_each_message_after_its_length() {
        // 1.5 s after 1970: 2208988801 s = 0x83AA7E81, half a second = 0x80000000.
        let at = Moment { mono_ns: 0, unix_ns: 1_500_000_000 };
        let bytes = encode_at(at, vec![message("/a", &[Arg::Int(1)]), message("/b", &[])]).unwrap();
        let expected = b"#bundle\0\x83\xaa\x7e\x81\x80\0\0\0\0\0\0\x0c/a\0\0,i\0\0\0\0\0\x01\0\0\0\x08/b\0\0,\0\0\0";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn ntp_seconds_start_again_in_2036() {
        // 2036-02-07 06:28:16 UTC is 2085978496 s after 1970 (RFC 5905, section 6: era 1 begins).
        let tag = time_tag(2_085_978_496 * NS_PER_SEC + 250_000_000);
        assert_eq!((tag.seconds, tag.fractional), (0, 0x4000_0000));
    }

    #[test]
    fn odd_values_are_made_sendable() {
        let message = message("/x", &[Arg::Float(f64::NAN), Arg::Int(i64::MAX), Arg::Text("a\0b"), counter(1 << 31)]);
        let expected = [OscType::Float(0.0), OscType::Int(i32::MAX), OscType::String("ab".into()), OscType::Int(0)];
        assert_eq!(message.args, expected);
    }

    #[test]
    fn prefixes_are_names_after_slashes() {
        assert!(["", "/anacrusis", "/stage/left_2"].into_iter().all(is_prefix));
        assert!(!["beat", "/", "/a/", "//a", "/a b", "/a*", "/{a,b}", "/ä"].into_iter().any(is_prefix));
    }

    proptest! {
        #[test]
        fn time_tags_are_exact_to_a_nanosecond_and_in_order(unix_ns in 0..2_000_000_000_000_000_000_u64, by_ns in 1..10_000_000_000_u64) {
            let ns = |tag: OscTime| {
                (u64::from(tag.seconds) + if tag.seconds < 2_000_000_000 { 1 << 32 } else { 0 }) as i128 * 1_000_000_000
                    + ((u128::from(tag.fractional) * 1_000_000_000) >> 32) as i128 - i128::from(NTP_TO_UNIX_SEC) * 1_000_000_000
            };
            let (first, second) = (ns(time_tag(unix_ns)), ns(time_tag(unix_ns + by_ns)));
            prop_assert!((first - i128::from(unix_ns)).abs() <= 1);
            prop_assert!(second >= first);
        }

        #[test]
        fn any_text_and_number_makes_bytes_that_read_back(text in ".{0,40}", number: i64, value: f64) {
            let message = message("/x", &[Arg::Text(&text), Arg::Int(number), Arg::Float(value)]);
            let bytes = encode(message.clone()).unwrap();
            prop_assert_eq!(bytes.len() % 4, 0);
            let (rest, read) = rosc::decoder::decode_udp(&bytes).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(read, OscPacket::Message(message));
        }
    }
}
