//! Pictures of a window: kept as PNG, compared by the means of blocks. Tests only.
//!
//! Renderers of OpenGL round edges of letters differently, so that pixels are no measure. Means over blocks are: a word that is
//! gone, another colour, a control elsewhere changes some of them by far more than [`MEAN_TOLERANCE`].

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

/// Side of a block, pixels.
pub const BLOCK_PIXELS: usize = 16;
/// Blocks agree when the means of each colour are this near, of 255.
pub const MEAN_TOLERANCE: f64 = 12.0;
/// Pictures agree when all but this share of their blocks do: a line that lies a pixel further.
pub const BLOCK_TOLERANCE: f64 = 0.01;

/// A picture, three bytes a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Red, green and blue, line by line.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Reads a PNG of three bytes a pixel.
    ///
    /// # Errors
    /// A file that is not there, or not such a PNG, with its path.
    pub fn read(path: &Path) -> Result<Self, String> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let file = File::open(path).map_err(|e| failed(&e))?;
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().map_err(|e| failed(&e))?;
        let mut rgb = vec![0; reader.output_buffer_size().ok_or_else(|| failed(&"too large"))?];
        let info = reader.next_frame(&mut rgb).map_err(|e| failed(&e))?;
        if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
            return Err(failed(&format!("expected 8 bits of RGB, got {:?} of {:?}", info.color_type, info.bit_depth)));
        }
        Ok(Self { width: info.width as usize, height: info.height as usize, rgb })
    }

    /// Writes it.
    ///
    /// # Panics
    /// On a folder that cannot be written.
    pub fn write(&self, path: &Path) {
        let file = File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.rgb)).expect("room on the disk");
    }

    /// A part of it.
    pub fn part(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let (width, height) = (width.min(self.width.saturating_sub(left)), height.min(self.height.saturating_sub(top)));
        let line = |y: usize| &self.rgb[3 * (y * self.width + left)..3 * (y * self.width + left + width)];
        Self { width, height, rgb: (top..top + height).flat_map(|y| line(y).iter().copied()).collect() }
    }

    /// Number of colours in it.
    pub fn n_colours(&self) -> usize {
        let mut pixels: Vec<&[u8]> = self.rgb.chunks_exact(3).collect();
        pixels.sort_unstable();
        pixels.dedup();
        pixels.len()
    }

    /// Share of blocks whose means differ by more than [`MEAN_TOLERANCE`]; 1 for pictures of different sizes.
    pub fn difference(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 1.0;
        }
        let (mut n_blocks, mut n_different) = (0, 0);
        for top in (0..self.height).step_by(BLOCK_PIXELS) {
            for left in (0..self.width).step_by(BLOCK_PIXELS) {
                let block = |picture: &Self| picture.part(left, top, BLOCK_PIXELS, BLOCK_PIXELS).mean();
                let differs = block(self).iter().zip(block(other)).any(|(a, b)| (a - b).abs() > MEAN_TOLERANCE);
                n_blocks += 1;
                n_different += usize::from(differs);
            }
        }
        f64::from(n_different as u32) / f64::from(n_blocks.max(1))
    }

    fn mean(&self) -> [f64; 3] {
        let n_pixels = (self.rgb.len() / 3).max(1) as f64;
        std::array::from_fn(|colour| self.rgb.iter().skip(colour).step_by(3).map(|byte| f64::from(*byte)).sum::<f64>() / n_pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(value: u8) -> Picture {
        Picture { width: 64, height: 32, rgb: vec![value; 64 * 32 * 3] }
    }

    #[test]
    fn a_picture_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut picture = grey(7);
        picture.rgb[100] = 200;
        picture.write(&path);
        assert_eq!(Picture::read(&path), Ok(picture));
        assert!(Picture::read(&folder.path().join("b.png")).unwrap_err().contains("b.png"));
    }

    #[test]
    fn pictures_differ_by_the_share_of_blocks_that_do() {
        assert_eq!(grey(7).difference(&grey(7 + MEAN_TOLERANCE as u8)), 0.0);
        assert_eq!(grey(7).difference(&grey(20)), 1.0);
        let mut other = grey(7);
        for y in 0..16 {
            other.rgb[3 * 64 * y..3 * (64 * y + 16)].fill(90);
        }
        assert_eq!((grey(7).difference(&other), other.n_colours()), (1.0 / 8.0, 2));
        assert_eq!(grey(7).difference(&grey(7).part(0, 0, 16, 16)), 1.0);
    }
}
