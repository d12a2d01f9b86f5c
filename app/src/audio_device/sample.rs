//! From the sample formats of devices to 32-bit floats and back. AUDIO THREAD.
//!
//! Integers map to [-1, 1): the lowest to -1, the middle to 0. Floats pass as they are, but for those that are not finite:
//! a broken driver's NaN would stay in every filter behind it for good, so it becomes silence.

use cpal::{Data, FromSample, I24, Sample, SampleFormat, SizedSample, U24};

/// Whether the format is one that [`for_each_block`] knows.
pub(super) fn is_pcm(format: SampleFormat) -> bool {
    use SampleFormat::{F32, F64, I8, I16, I24, I32, I64, U8, U16, U24, U32, U64};
    matches!(format, I8 | I16 | I24 | I32 | I64 | U8 | U16 | U24 | U32 | U64 | F32 | F64)
}

/// One sample as a float; silence where it is not finite.
pub(super) fn to_f32<T: Sample>(sample: T) -> f32
where
    f32: FromSample<T>,
{
    let value: f32 = sample.to_sample();
    if value.is_finite() { value } else { 0.0 }
}

/// Gives the samples of a device's buffer as floats, in blocks of at most `scratch.len()`. A format that is no PCM gives nothing.
///
/// Real-time safe: yes.
pub(super) fn for_each_block(data: &Data, scratch: &mut [f32], give: impl FnMut(&[f32])) {
    match data.sample_format() {
        SampleFormat::I8 => convert::<i8>(data, scratch, give),
        SampleFormat::I16 => convert::<i16>(data, scratch, give),
        SampleFormat::I24 => convert::<I24>(data, scratch, give),
        SampleFormat::I32 => convert::<i32>(data, scratch, give),
        SampleFormat::I64 => convert::<i64>(data, scratch, give),
        SampleFormat::U8 => convert::<u8>(data, scratch, give),
        SampleFormat::U16 => convert::<u16>(data, scratch, give),
        SampleFormat::U24 => convert::<U24>(data, scratch, give),
        SampleFormat::U32 => convert::<u32>(data, scratch, give),
        SampleFormat::U64 => convert::<u64>(data, scratch, give),
        SampleFormat::F32 => convert::<f32>(data, scratch, give),
        SampleFormat::F64 => convert::<f64>(data, scratch, give),
        _ => {}
    }
}

fn convert<T: SizedSample>(data: &Data, scratch: &mut [f32], mut give: impl FnMut(&[f32]))
where
    f32: FromSample<T>,
{
    let samples = data.as_slice::<T>().unwrap_or_default();
    for chunk in samples.chunks(scratch.len().max(1)) {
        let block = &mut scratch[..chunk.len()];
        for (float, &sample) in block.iter_mut().zip(chunk) {
            *float = to_f32(sample);
        }
        give(block);
    }
}

/// Fills a device's buffer with floats that `take` makes, in blocks of at most `scratch.len()`. A format that is no PCM is
/// left as it is, which is silence.
///
/// Real-time safe: yes.
pub(super) fn fill_blocks(data: &mut Data, scratch: &mut [f32], take: impl FnMut(&mut [f32])) {
    match data.sample_format() {
        SampleFormat::I8 => fill::<i8>(data, scratch, take),
        SampleFormat::I16 => fill::<i16>(data, scratch, take),
        SampleFormat::I24 => fill::<I24>(data, scratch, take),
        SampleFormat::I32 => fill::<i32>(data, scratch, take),
        SampleFormat::I64 => fill::<i64>(data, scratch, take),
        SampleFormat::U8 => fill::<u8>(data, scratch, take),
        SampleFormat::U16 => fill::<u16>(data, scratch, take),
        SampleFormat::U24 => fill::<U24>(data, scratch, take),
        SampleFormat::U32 => fill::<u32>(data, scratch, take),
        SampleFormat::U64 => fill::<u64>(data, scratch, take),
        SampleFormat::F32 => fill::<f32>(data, scratch, take),
        SampleFormat::F64 => fill::<f64>(data, scratch, take),
        _ => {}
    }
}

fn fill<T: SizedSample + FromSample<f32>>(data: &mut Data, scratch: &mut [f32], mut take: impl FnMut(&mut [f32])) {
    let samples = data.as_slice_mut::<T>().unwrap_or_default();
    for chunk in samples.chunks_mut(scratch.len().max(1)) {
        let block = &mut scratch[..chunk.len()];
        block.fill(0.0);
        take(block);
        for (sample, &float) in chunk.iter_mut().zip(&*block) {
            // Integers would wrap above 1, and a speaker would hear it.
            *sample = T::from_sample(if float.is_finite() { float.clamp(-1.0, 1.0) } else { 0.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a buffer of the device reads as.
    fn read<T: SizedSample>(samples: &mut [T], block: usize) -> Vec<f32> {
        // SAFETY: the pointer and the length are those of a slice of the format's type, which outlives the data.
        let data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), T::FORMAT) };
        let (mut scratch, mut floats) = (vec![0.0; block], Vec::new());
        for_each_block(&data, &mut scratch, |floats_of_block| {
            assert!(floats_of_block.len() <= block);
            floats.extend_from_slice(floats_of_block);
        });
        floats
    }

    /// What floats become in the device's buffer.
    fn written<T: SizedSample>(samples: &mut [T], floats: &[f32], block: usize) {
        // SAFETY: as above.
        let mut data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), T::FORMAT) };
        let mut rest = floats;
        fill_blocks(&mut data, &mut vec![9.0; block], |out| {
            let (now, later) = rest.split_at(out.len().min(rest.len()));
            out[..now.len()].copy_from_slice(now);
            rest = later;
        });
    }

    #[test]
    fn every_format_has_its_lowest_middle_and_half_where_they_belong() {
        let expected = [-1.0, 0.0, 0.5];
        assert_eq!(read(&mut [i8::MIN, 0, 64], 8), expected);
        assert_eq!(read(&mut [i16::MIN, 0, 16_384], 8), expected);
        assert_eq!(read(&mut [I24::new(-8_388_608).unwrap(), I24::new(0).unwrap(), I24::new(4_194_304).unwrap()], 8), expected);
        assert_eq!(read(&mut [i32::MIN, 0, 1 << 30], 8), expected);
        assert_eq!(read(&mut [i64::MIN, 0, 1 << 62], 8), expected);
        assert_eq!(read(&mut [0_u8, 128, 192], 8), expected);
        assert_eq!(read(&mut [0_u16, 32_768, 49_152], 8), expected);
        assert_eq!(read(&mut [U24::new(0).unwrap(), U24::new(8_388_608).unwrap(), U24::new(12_582_912).unwrap()], 8), expected);
        assert_eq!(read(&mut [0_u32, 1 << 31, 3 << 30], 8), expected);
        assert_eq!(read(&mut [0_u64, 1 << 63, 3 << 62], 8), expected);
        assert_eq!(read(&mut [-1.0_f32, 0.0, 0.5], 8), expected);
        assert_eq!(read(&mut [-1.0_f64, 0.0, 0.5], 8), expected);
    }

    #[test]
    fn what_is_not_finite_is_silence_in_both_directions() {
        assert_eq!(read(&mut [f32::NAN, f32::INFINITY, -0.25], 2), [0.0, 0.0, -0.25]);
        assert_eq!(read(&mut [f64::NEG_INFINITY, 1e300, 0.5], 2), [0.0, 0.0, 0.5]);
        let mut samples = [7_i16; 2];
        written(&mut samples, &[f32::NAN, f32::INFINITY], 2);
        assert_eq!(samples, [0, 0]);
    }

    #[test]
    fn long_buffers_come_in_blocks_and_nothing_is_lost() {
        let mut samples: Vec<i16> = (0..1000).collect();
        let floats = read(&mut samples, 48);
        assert_eq!(floats.len(), 1000);
        assert!(floats.iter().enumerate().all(|(n, &float)| float == n as f32 / 32_768.0));
        assert_eq!(read::<i16>(&mut [], 48), Vec::<f32>::new());
    }

    #[test]
    fn output_is_clamped_and_what_the_caller_leaves_is_silence() {
        let mut samples = [5_i16; 6];
        written(&mut samples, &[0.5, -0.5, 3.0, -3.0], 4);
        assert_eq!(samples, [16_384, -16_384, 32_767, -32_768, 0, 0]);
        let mut floats = [5.0_f32; 2];
        written(&mut floats, &[0.25], 1);
        assert_eq!(floats, [0.25, 0.0]);
    }

    #[test]
    fn dsd_is_no_pcm_and_gives_nothing() {
        assert!(!is_pcm(SampleFormat::DsdU8) && is_pcm(SampleFormat::U24) && is_pcm(SampleFormat::F64));
        let mut bytes = [0x69_u8; 4];
        // SAFETY: the bytes are four samples of one byte each.
        let data = unsafe { Data::from_parts(bytes.as_mut_ptr().cast(), 4, SampleFormat::DsdU8) };
        for_each_block(&data, &mut [0.0; 4], |_| panic!("no samples"));
    }
}
