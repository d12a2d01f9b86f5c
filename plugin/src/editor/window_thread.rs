//! The thread that a window draws on with those that it starts, and the wait for their end. Nothing where windows draw on the main
//! thread (macOS, Windows).

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::sync::{Arc, OnceLock};
    use std::time::{Duration, Instant};

    /// From one look to the next.
    const PAUSE: Duration = Duration::from_millis(1);
    /// A thread that has not ended by then hangs in the driver or the display, and the host shall not hang with it.
    const LONGEST_WAIT: Duration = Duration::from_secs(10);
    /// The threads of this process.
    const THREADS: &str = "/proc/self/task";

    /// Which threads belong to a window, once the one that draws has said so.
    ///
    /// They are known by their name: a thread starts with that of the one that starts it.
    #[derive(Debug, Clone, Default)]
    pub(in crate::editor) struct WindowThread {
        name: Arc<OnceLock<String>>,
    }

    impl WindowThread {
        /// The calling thread is a window's, and so is what it starts from now on. GUI THREAD.
        pub(in crate::editor) fn is_this_one(&self) {
            // Without /proc there is nothing to wait by.
            let Ok(folder) = fs::read_link("/proc/thread-self") else { return };
            let Some(id) = folder.file_name().and_then(|id| id.to_str()) else { return };
            // A name has 15 bytes, an id seven at most.
            let name = format!("anacr-{id}");
            if fs::write(Path::new("/proc").join(&folder).join("comm"), &name).is_ok() {
                // A window is built once.
                let _ = self.name.set(name);
            }
        }

        /// Returns once the threads have ended, or after ten seconds; at once where none is known. MAIN THREAD.
        pub(in crate::editor) fn wait_for_end(&self) {
            let Some(name) = self.name.get() else { return };
            let start = Instant::now();
            while is_any(name) {
                if start.elapsed() > LONGEST_WAIT {
                    nice_plug::nice_warn!("threads of a closed window do not end; they are left alone");
                    return;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Whether a thread of this name has not ended.
    fn is_any(name: &str) -> bool {
        let Ok(threads) = fs::read_dir(THREADS) else { return false };
        threads.flatten().any(|thread| fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name))
    }

    #[cfg(test)]
    mod tests {
        use std::cell::RefCell;
        use std::sync::atomic::{AtomicUsize, Ordering};
        use std::sync::mpsc;

        use super::*;

        /// What a thread still does after its function has returned: 30 ms later it counts.
        struct AtItsEnd(Arc<AtomicUsize>);

        impl Drop for AtItsEnd {
            fn drop(&mut self) {
                std::thread::sleep(Duration::from_millis(30));
                self.0.fetch_add(1, Ordering::AcqRel);
            }
        }

        thread_local!(static END: RefCell<Option<AtItsEnd>> = const { RefCell::new(None) });

        #[test]
        fn without_a_thread_there_is_no_wait() {
            WindowThread::default().wait_for_end();
        }

        #[test]
        fn threads_that_nobody_joins_are_waited_for_to_their_very_end() {
            let (window, n_ended) = (WindowThread::default(), Arc::new(AtomicUsize::new(0)));
            let (said, says) = mpsc::channel();
            let (its, count) = (window.clone(), Arc::clone(&n_ended));
            drop(std::thread::spawn(move || {
                END.set(Some(AtItsEnd(Arc::clone(&count))));
                its.is_this_one();
                // As a clipboard's, which outlives what started it.
                drop(std::thread::spawn(move || {
                    END.set(Some(AtItsEnd(count)));
                    std::thread::sleep(Duration::from_millis(60));
                }));
                said.send(()).expect("a listener");
            }));
            says.recv().expect("a thread");
            window.wait_for_end();
            assert_eq!(n_ended.load(Ordering::Acquire), 2);
            // Those that ended long ago are as good.
            window.wait_for_end();
        }

        #[test]
        fn the_threads_of_another_window_are_not_waited_for() {
            let (mine, other) = (WindowThread::default(), WindowThread::default());
            let (stop, stopped) = mpsc::channel::<()>();
            let (said, says) = mpsc::channel();
            let (its, known) = (other.clone(), said.clone());
            let running = std::thread::spawn(move || {
                its.is_this_one();
                known.send(()).expect("a listener");
                // Ends with the other side.
                let _ = stopped.recv();
            });
            let its = mine.clone();
            drop(std::thread::spawn(move || {
                its.is_this_one();
                said.send(()).expect("a listener");
            }));
            for _ in 0..2 {
                says.recv().expect("a thread");
            }
            mine.wait_for_end();
            assert!(!running.is_finished());
            drop(stop);
            running.join().expect("it ends");
            other.wait_for_end();
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::WindowThread;

/// No thread of a window's own.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Clone, Default)]
pub(super) struct WindowThread;

#[cfg(not(target_os = "linux"))]
impl WindowThread {
    pub(super) fn is_this_one(&self) {}

    pub(super) fn wait_for_end(&self) {}
}
