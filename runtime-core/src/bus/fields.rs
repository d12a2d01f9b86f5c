//! Fields within words, and the ranges that decoded fields are brought into.
//!
//! Where: under [`words`](super::words). Any thread. Real-time safe: yes.

use crate::timeline::Timeline;

/// Words under construction or under decoding, addressed by the byte offset of a field. A field never spans two words:
/// in `repr(C)` each is aligned to its size.
pub(super) struct Fields<const N: usize>(pub(super) [u64; N]);

impl<const N: usize> Fields<N> {
    fn put(&mut self, offset_bytes: usize, bits: u64) {
        self.0[offset_bytes / 8] |= bits << (8 * (offset_bytes % 8));
    }

    fn get(&self, offset_bytes: usize) -> u64 {
        self.0[offset_bytes / 8] >> (8 * (offset_bytes % 8))
    }

    pub(super) fn put_u8(&mut self, offset_bytes: usize, value: u8) {
        self.put(offset_bytes, u64::from(value));
    }

    pub(super) fn put_u32(&mut self, offset_bytes: usize, value: u32) {
        self.put(offset_bytes, u64::from(value));
    }

    pub(super) fn put_u64(&mut self, offset_bytes: usize, value: u64) {
        self.put(offset_bytes, value);
    }

    pub(super) fn put_f32(&mut self, offset_bytes: usize, value: f32) {
        self.put_u32(offset_bytes, value.to_bits());
    }

    pub(super) fn put_f64(&mut self, offset_bytes: usize, value: f64) {
        self.put_u64(offset_bytes, value.to_bits());
    }

    pub(super) fn put_f32s(&mut self, offset_bytes: usize, values: &[f32]) {
        for (idx, &value) in values.iter().enumerate() {
            self.put_f32(offset_bytes + 4 * idx, value);
        }
    }

    pub(super) fn u8(&self, offset_bytes: usize) -> u8 {
        self.get(offset_bytes) as u8
    }

    pub(super) fn u32(&self, offset_bytes: usize) -> u32 {
        self.get(offset_bytes) as u32
    }

    pub(super) fn u64(&self, offset_bytes: usize) -> u64 {
        self.get(offset_bytes)
    }

    pub(super) fn f32(&self, offset_bytes: usize) -> f32 {
        f32::from_bits(self.u32(offset_bytes))
    }

    pub(super) fn f64(&self, offset_bytes: usize) -> f64 {
        f64::from_bits(self.u64(offset_bytes))
    }

    pub(super) fn f32s<const M: usize>(&self, offset_bytes: usize) -> [f32; M] {
        std::array::from_fn(|idx| self.f32(offset_bytes + 4 * idx))
    }
}

/// `value`, or 0 where it is no number.
pub(super) fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// `value` brought into `[0, 1]`; 0 where it is no number.
pub(super) fn probability(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// `value`, or 0 where it is negative or no number.
pub(super) fn duration(value: f32) -> f32 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

/// `value` where one can divide by it, else that of the default timeline.
pub(super) fn seconds_per_beat(value: f64) -> f64 {
    if value.is_normal() && value > 0.0 { value } else { Timeline::default().spb }
}

/// `beat_in_bar`, or 0 (unknown) where the bar is not that long.
pub(super) fn position_in_bar(beat_in_bar: u8, beats_per_bar: u8) -> u8 {
    if beat_in_bar <= beats_per_bar { beat_in_bar } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_at_their_byte_offsets() {
        let mut fields = Fields([0; 2]);
        fields.put_u8(1, 0xab);
        fields.put_f32(4, 1.5);
        fields.put_u64(8, 7);
        let bytes: Vec<u8> = fields.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(bytes, [0, 0xab, 0, 0, 0, 0, 0xc0, 0x3f, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((fields.u8(1), fields.f32(4), fields.u64(8)), (0xab, 1.5, 7));
    }

    #[test]
    fn values_out_of_range_are_brought_into_it() {
        assert_eq!([-1.0, 0.25, 2.0, f32::INFINITY, f32::NAN].map(probability), [0.0, 0.25, 1.0, 1.0, 0.0]);
        assert_eq!([-1.0, 5.0, f32::INFINITY, f32::NAN].map(duration), [0.0, 5.0, 0.0, 0.0]);
        assert_eq!([0.4, 0.0, -1.0, 1e-310, f64::INFINITY, f64::NAN].map(seconds_per_beat), [0.4, 0.5, 0.5, 0.5, 0.5, 0.5]);
        assert_eq!([-2.5, f64::NEG_INFINITY, f64::NAN].map(finite), [-2.5, 0.0, 0.0]);
    }

    #[test]
    fn a_position_beyond_its_bar_is_unknown() {
        assert_eq!((position_in_bar(5, 4), position_in_bar(4, 4), position_in_bar(0, 0)), (0, 4, 0));
    }
}
