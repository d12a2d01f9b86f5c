//! What each of the last 256 beats sounded like, and how alike they are. INFERENCE THREAD.
//!
//! A beat is remembered as pitch classes and as the shape of its spectrum, both without level. Alike means: alike in what sets
//! them apart from the mean of all that is remembered, so that what never changes says nothing. Everything is computed when a
//! beat ends; buffers are fixed.

use crate::analysis::kernels::dot;
use model_contracts::v1::features::r#struct as contract;

use super::chroma::N_CLASSES;

/// Beats that are remembered.
pub const MEMORY_BEATS: usize = contract::MEMORY_BEATS as usize;
/// Numbers for the shape of a spectrum.
pub const N_TIMBRE: usize = contract::TIMBRE_LEN as usize;
/// Numbers of a beat.
pub const N_VALUES: usize = N_CLASSES + N_TIMBRE;
/// A contrast as small as this is noise, log10 units: it makes beats half as alike as they would be.
const NORM_FLOOR: f32 = contract::NORM_FLOOR as f32;
/// Share of the newest beat in how well a distance matches: a memory of a bar of four.
const MATCH_RATE: f32 = 0.25;
/// How much better another match must be before it is taken for the one that was, cosine.
const MATCH_HYSTERESIS: f32 = 0.05;
/// What decides between distances that match alike, cosine: what comes back does so after whole phrases. Of the sections of
/// urinieto/harmonixset 45 % are a multiple of eight bars long and 59 % one of four.
const PHRASE_BONUS: f32 = 0.02;
/// Beats of a phrase and of half of one, as shares of [`BeatMemory::write`]'s shortest distance, which is a phrase.
const HALF_PHRASES: usize = 2;

/// One beat.
pub type Beat = [f32; N_VALUES];

/// The distance at which the music of now was heard before.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Match {
    /// Beats ago; at least the shortest that was asked for.
    pub lag: usize,
    /// Mean likeness of the last beats, `[-1, 1]`.
    pub score: f32,
    /// What it has over the mean of all distances.
    pub margin: f32,
    /// Beats for which it has been this distance.
    pub run: u32,
}

/// The last beats.
#[derive(Debug, Clone)]
pub struct BeatMemory {
    raw: Box<[Beat; MEMORY_BEATS]>,
    /// Without the mean of all, each half of length 1 (less where there is little contrast).
    unit: Box<[Beat; MEMORY_BEATS]>,
    level: Box<[f32; MEMORY_BEATS]>,
    /// Likeness to the beats each distance ago, averaged over the last beats.
    diagonal: Box<[f32; MEMORY_BEATS]>,
    best: Option<Match>,
    /// Beats written since the start.
    n_written: u64,
}

impl Default for BeatMemory {
    fn default() -> Self {
        Self {
            raw: Box::new([[0.0; N_VALUES]; MEMORY_BEATS]),
            unit: Box::new([[0.0; N_VALUES]; MEMORY_BEATS]),
            level: Box::new([0.0; MEMORY_BEATS]),
            diagonal: Box::new([0.0; MEMORY_BEATS]),
            best: None,
            n_written: 0,
        }
    }
}

impl BeatMemory {
    /// Writes the beat that ended. `level` is log10 of its RMS; `phrase_beats` is the length of a phrase, and the shortest distance
    /// of a match: nearer, a loop is like itself. Allocates nothing.
    pub fn write(&mut self, beat: &Beat, level: f32, phrase_beats: usize) {
        let slot = self.slot(self.n_written);
        self.raw[slot] = *beat;
        self.level[slot] = level;
        self.n_written += 1;
        self.centre();
        self.follow_diagonals(phrase_beats.max(1));
    }

    /// Beats written since the start.
    pub fn n_written(&self) -> u64 {
        self.n_written
    }

    /// Beats that are remembered.
    pub fn len(&self) -> usize {
        self.n_written.min(MEMORY_BEATS as u64) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.n_written == 0
    }

    /// Likeness of pitch classes and of timbre of the last beat to those `lag` beats before it, `[-1, 1]`; 0 where that is not
    /// remembered.
    pub fn similarity(&self, lag: usize) -> (f32, f32) {
        let (Some(now), Some(then)) = (self.unit_at(0), self.unit_at(lag)) else { return (0.0, 0.0) };
        let (now, then) = (now.split_at(N_CLASSES), then.split_at(N_CLASSES));
        (dot(now.0, then.0), dot(now.1, then.1))
    }

    /// The best match, where enough is remembered.
    pub fn best(&self) -> Option<Match> {
        self.best
    }

    /// What the `recent` last beats have over the `past` before them: half the squared distance of their means, 0 to 4. It is
    /// the sum over a checkerboard kernel on the matrix of likenesses: like itself, like itself, unlike the other. 0 before that
    /// many are remembered.
    pub fn novelty(&self, recent: usize, past: usize) -> f32 {
        if recent == 0 || past == 0 || recent + past > self.len() {
            return 0.0;
        }
        let (now, before) = (self.mean(0, recent), self.mean(recent, past));
        0.5 * now.iter().zip(&before).map(|(now, before)| (now - before) * (now - before)).sum::<f32>()
    }

    /// Level of the last beat over the mean of the last `n_beats`, log10; 0 where nothing is remembered.
    pub fn level_over(&self, n_beats: usize) -> f32 {
        let n_beats = n_beats.min(self.len());
        if n_beats == 0 {
            return 0.0;
        }
        let level = |ago: usize| self.level[self.slot(self.n_written - 1 - ago as u64)];
        level(0) - (0..n_beats).map(level).sum::<f32>() / n_beats as f32
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.diagonal.fill(0.0);
        self.best = None;
        self.n_written = 0;
    }

    fn slot(&self, beat: u64) -> usize {
        (beat % MEMORY_BEATS as u64) as usize
    }

    fn unit_at(&self, ago: usize) -> Option<&Beat> {
        (ago < self.len()).then(|| &self.unit[self.slot(self.n_written - 1 - ago as u64)])
    }

    fn mean(&self, from_ago: usize, n_beats: usize) -> Beat {
        let mut mean = [0.0; N_VALUES];
        for beat in (from_ago..from_ago + n_beats).filter_map(|ago| self.unit_at(ago)) {
            mean.iter_mut().zip(beat).for_each(|(mean, value)| *mean += value);
        }
        mean.map(|value| value / n_beats as f32)
    }

    /// Takes the mean of all beats from each, and brings both halves to length 1.
    fn centre(&mut self) {
        let n_beats = self.len();
        let mut mean = [0.0; N_VALUES];
        for beat in &self.raw[..n_beats] {
            mean.iter_mut().zip(beat).for_each(|(mean, value)| *mean += value);
        }
        let mean = mean.map(|value| value / n_beats as f32);
        for (unit, raw) in self.unit[..n_beats].iter_mut().zip(&self.raw[..n_beats]) {
            for ((unit, raw), mean) in unit.iter_mut().zip(raw).zip(&mean) {
                *unit = raw - mean;
            }
            let (chroma, timbre) = unit.split_at_mut(N_CLASSES);
            for half in [chroma, timbre] {
                let scale = 1.0 / (dot(half, half).sqrt() + NORM_FLOOR);
                half.iter_mut().for_each(|value| *value *= scale);
            }
        }
    }

    fn follow_diagonals(&mut self, phrase_beats: usize) {
        let n_beats = self.len();
        let mut sum = 0.0;
        let mut best: Option<(usize, f32)> = None;
        for lag in 1..n_beats {
            let (chroma, timbre) = self.similarity(lag);
            let score = &mut self.diagonal[lag];
            *score += MATCH_RATE * (0.5 * (chroma + timbre) - *score);
            sum += *score;
            let worth = worth(*score, lag, phrase_beats);
            if lag >= phrase_beats && best.is_none_or(|(_, highest)| worth > highest) {
                best = Some((lag, worth));
            }
        }
        let mean = sum / (n_beats.max(2) - 1) as f32;
        self.best = best.map(|(lag, highest)| {
            let still = |kept: &Match| {
                (phrase_beats..n_beats).contains(&kept.lag)
                    && worth(self.diagonal[kept.lag], kept.lag, phrase_beats) + MATCH_HYSTERESIS >= highest
            };
            let (lag, run) = self.best.filter(still).map_or((lag, 0), |kept| (kept.lag, kept.run + 1));
            let score = self.diagonal[lag];
            Match { lag, score, margin: score - mean, run }
        });
    }
}

/// The score of a distance, with what whole and half phrases have over others.
fn worth(score: f32, lag: usize, phrase_beats: usize) -> f32 {
    let half_phrase = (phrase_beats / HALF_PHRASES).max(1);
    let n_bonuses = u8::from(lag.is_multiple_of(half_phrase)) + u8::from(lag.is_multiple_of(phrase_beats));
    score + PHRASE_BONUS * f32::from(n_bonuses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A beat that stands out in one pitch class and one part of the spectrum.
    fn beat(class: usize, timbre: usize) -> Beat {
        let mut beat = [0.0; N_VALUES];
        beat[class] = 1.0;
        beat[N_CLASSES + timbre] = 1.0;
        beat
    }

    fn written(beats: impl IntoIterator<Item = Beat>) -> BeatMemory {
        let mut memory = BeatMemory::default();
        beats.into_iter().for_each(|beat| memory.write(&beat, 0.0, 4));
        memory
    }

    #[test]
    fn likeness_is_the_cosine_of_what_sets_beats_apart() {
        // Two sounds by turns: their mean is between them, so they are opposites.
        let memory = written((0..6).map(|k| beat(k % 2, k % 2)));
        let near = |(chroma, timbre): (f32, f32), expected: f32| {
            // |(1, 0) - (.5, .5)| = .7071; the floor makes it (.7071 / .7271)^2 of that.
            let expected = expected * (0.5f32.sqrt() / (0.5f32.sqrt() + NORM_FLOOR)).powi(2);
            assert!((chroma - expected).abs() < 1e-5 && (timbre - expected).abs() < 1e-5, "{chroma} {timbre} {expected}");
        };
        near(memory.similarity(2), 1.0);
        near(memory.similarity(4), 1.0);
        near(memory.similarity(1), -1.0);
        assert_eq!(memory.similarity(6), (0.0, 0.0), "not remembered");
    }

    #[test]
    fn pitch_and_timbre_are_told_apart() {
        // The same timbres by turns, pitches in pairs.
        let memory = written((0..8).map(|k| beat(k / 2 % 2, k % 2)));
        let (chroma, timbre) = memory.similarity(2);
        assert!(chroma < -0.9 && timbre > 0.9, "{chroma} {timbre}");
    }

    #[test]
    fn what_never_changes_says_nothing() {
        let memory = written([beat(3, 3); 20]);
        assert_eq!((memory.similarity(4), memory.novelty(4, 8)), ((0.0, 0.0), 0.0));
    }

    #[test]
    fn the_match_is_where_the_music_of_now_began_before() {
        // A tune of seven different beats, something else, and the tune again.
        let tune = (0..7).map(|k| beat(k, k));
        let else_where = (0..13).map(|k| beat(7 + k % 4, 7 + k));
        let memory = written(tune.clone().chain(else_where).chain(tune));
        let best = memory.best().unwrap();
        assert_eq!(best.lag, 20, "and not 4, the phrase of this test");
        assert!(best.score > 0.5 && best.margin > 0.4 && best.run >= 3, "{best:?}");
    }

    #[test]
    fn of_distances_that_match_alike_those_of_whole_phrases_are_worth_more() {
        for (lag, expected) in [(24, 0.54), (12, 0.52), (25, 0.5)] {
            assert!((worth(0.5, lag, 8) - expected).abs() < 1e-6, "{lag}");
        }
        assert!(worth(0.5, 7, 1) > 0.5, "no division by nothing");
    }

    #[test]
    fn novelty_is_half_the_squared_distance_of_the_means() {
        let memory = written((0..16).map(|k| beat(k / 8, k / 8)));
        // Opposites of length .7071 / .7271 in both halves: distance 2 l each, half of 2 x 4 l^2.
        let length = 0.5f32.sqrt() / (0.5f32.sqrt() + NORM_FLOOR);
        assert!((memory.novelty(8, 8) - 4.0 * length * length).abs() < 1e-4, "{}", memory.novelty(8, 8));
        assert_eq!(memory.novelty(4, 4), 0.0, "the last eight are one");
        assert_eq!(memory.novelty(12, 24), 0.0, "too little is remembered");
    }

    #[test]
    fn levels_are_compared_with_their_mean() {
        let mut memory = BeatMemory::default();
        assert_eq!(memory.level_over(4), 0.0);
        [-2.0, -1.0, -1.0, 0.0].iter().for_each(|&level| memory.write(&beat(0, 0), level, 4));
        assert_eq!((memory.level_over(2), memory.level_over(4), memory.level_over(99)), (0.5, 1.0, 1.0));
    }

    #[test]
    fn a_full_memory_goes_on() {
        let memory = written((0..700).map(|k| beat(k % 5, k % 7)));
        assert_eq!((memory.len(), memory.n_written()), (MEMORY_BEATS, 700));
        let (chroma, timbre) = memory.similarity(35);
        assert!(chroma > 0.9 && timbre > 0.9);
        assert_eq!(memory.best().unwrap().lag, 35, "the first that was found: none is clearly better");
        assert_eq!(memory.similarity(MEMORY_BEATS), (0.0, 0.0));
    }

    #[test]
    fn clear_is_a_fresh_start() {
        let beats = || (0..40).map(|k| beat(k % 3, k % 4));
        let mut memory = written((0..300).map(|k| beat(k % 11, k % 13)));
        memory.clear();
        beats().for_each(|beat| memory.write(&beat, 0.0, 4));
        let fresh = written(beats());
        assert_eq!((memory.best(), memory.similarity(5), memory.novelty(4, 8)), (fresh.best(), fresh.similarity(5), fresh.novelty(4, 8)));
    }
}
