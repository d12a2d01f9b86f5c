//! A Link session as Carabiner shows it, with the time passed in: for tests of the output, with and without a socket.

#![allow(dead_code, unreachable_pub, reason = "each test that includes this uses a part of it")]

/// The session. Beats are `(time - start) / beat_us`; as in Link, a beat lasts a whole number of microseconds.
#[derive(Debug, Clone)]
pub struct LinkSession {
    pub peers: u32,
    pub beat_us: i64,
    pub start_us: f64,
}

impl LinkSession {
    /// A session at `bpm` whose beat 0 was at `start_us`.
    pub fn new(bpm: f64, start_us: f64) -> Self {
        Self { peers: 1, beat_us: (60e6 / bpm).round() as i64, start_us }
    }

    pub fn bpm(&self) -> f64 {
        60e6 / self.beat_us as f64
    }

    pub fn beat_at(&self, us: i64) -> f64 {
        (us as f64 - self.start_us) / self.beat_us as f64
    }

    /// As Link: the beat at `now_us` stays where it is, and the tempo is another from there.
    pub fn set_tempo(&mut self, bpm: f64, now_us: i64) {
        let beat = self.beat_at(now_us);
        self.beat_us = (60e6 / bpm).round() as i64;
        self.start_us = now_us as f64 - beat * self.beat_us as f64;
    }

    pub fn status(&self, now_us: i64) -> String {
        let beat = self.beat_at(now_us);
        format!("status {{ :peers {} :bpm {:.6} :start {:.0} :beat {beat:.6} }}\n", self.peers, self.bpm(), self.start_us)
    }

    /// Carries a command out and gives the answer, which is empty where Carabiner gives none. `status` answers at once here.
    pub fn obey(&mut self, command: &str, now_us: i64) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["status"] => self.status(now_us),
            ["version"] => "version \"1.1.6\"\n".to_owned(),
            ["bpm", bpm] => match bpm.parse::<f64>() {
                Ok(value) if (20.0..=999.0).contains(&value) => {
                    self.set_tempo(value, now_us);
                    self.status(now_us)
                }
                _ => format!("bad-bpm {bpm}\n"),
            },
            ["beat-at-time", when, quantum] => {
                let Ok(us) = when.parse::<i64>() else { return format!("bad-time {when}\n") };
                let Ok(beats) = quantum.parse::<f64>() else { return format!("bad-quantum {quantum}\n") };
                format!("beat-at-time {{ :when {us} :quantum {beats:.6} :beat {:.6} }}\n", self.beat_at(us))
            }
            ["force-beat-at-time", beat, when, quantum] => {
                let (Ok(beat), Ok(us), Ok(_)) = (beat.parse::<f64>(), when.parse::<i64>(), quantum.parse::<f64>()) else {
                    return format!("bad-time {when}\n");
                };
                self.start_us = us as f64 - beat * self.beat_us as f64;
                self.status(now_us)
            }
            _ => format!("unsupported {command}\n"),
        }
    }
}
