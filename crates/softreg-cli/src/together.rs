//! The processes that `mpirun`, `srun` or another launcher started to train one network together.

#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "mpi")]
mod patience;

use crate::backend::Devices;
use crate::failure::{self, usage};
use crate::program;
use crate::terminal::line_to_stderr;
use serde::{Deserialize, Serialize};
use softreg_image::Collection;
use softreg_train::config::{Checked, keys, parse};
use softreg_train::{Alone, Error, Group, RunConfig, Wait};

/// The group that this process belongs to.
pub(crate) struct Together {
    group: Joined,
    /// What the first process said that the pictures are.
    fingerprint: String,
    parted: bool,
}

enum Joined {
    Alone(Alone),
    #[cfg(feature = "mpi")]
    Mpi(mpi::Mpi),
}

/// What the first process tells the others.
#[derive(Serialize, Deserialize)]
struct Told {
    version: String,
    /// Of the program's own file.
    program: String,
    /// The configuration, as it is written into the run folder.
    config: String,
    /// Of the pictures.
    fingerprint: String,
}

impl Told {
    /// What process 0 said, where it is the same program.
    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let own = env!("CARGO_PKG_VERSION");
        // The version first: another one may say other things.
        let said: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
        match said["version"].as_str() {
            Some(version) if version == own => Ok(serde_json::from_value(said)?),
            other => Err(usage(format!(
                "this is softreg {own}, but process 0 is softreg {}: install the same version on every host",
                other.unwrap_or("of unknown version")
            ))),
        }
    }
}

/// Set by launchers of processes: how many there are. Open MPI, MPICH and Intel MPI, MVAPICH, Slurm.
pub(crate) const LAUNCHERS: [&str; 4] =
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"];

/// How many processes a launcher started, as far as it says.
fn launched() -> usize {
    let size = |name: &str| std::env::var(name).ok()?.parse().ok();
    LAUNCHERS.into_iter().find_map(size).unwrap_or(1)
}

impl Together {
    /// Joins the others, where there are any.
    pub(crate) fn join() -> anyhow::Result<Self> {
        let group = match launched() {
            0 | 1 => Joined::Alone(Alone),
            #[cfg(feature = "mpi")]
            processes => Joined::Mpi(mpi::Mpi::join(processes)?),
            #[cfg(not(feature = "mpi"))]
            processes => {
                return Err(usage(format!(
                    "{processes} processes were started together, but this softreg was built without MPI, so each would train on its own: install it with --features mpi, or start only one"
                )));
            }
        };
        Ok(Self { group, fingerprint: String::new(), parted: false })
    }

    pub(crate) fn group(&mut self) -> &mut dyn Group {
        match &mut self.group {
            Joined::Alone(alone) => alone,
            #[cfg(feature = "mpi")]
            Joined::Mpi(mpi) => mpi,
        }
    }

    /// Where this process computes: on the devices of `list`, or of several processes on one host on one of them each.
    pub(crate) fn devices(&self, list: &str) -> anyhow::Result<Devices> {
        match &self.group {
            Joined::Alone(_) => Devices::named(list),
            #[cfg(feature = "mpi")]
            Joined::Mpi(mpi) => Devices::of_process(list, mpi.place()),
        }
    }

    /// Tells the others what is trained on what, and waits until all have it; the first process only.
    pub(crate) fn tell(&mut self, checked: &Checked, pictures: &Collection) {
        if self.group().size() == 1 {
            return;
        }
        let told = Told {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program: program::fingerprint(),
            config: keys::with_comments(checked.config()),
            fingerprint: pictures.fingerprint.clone(),
        };
        let mut bytes = serde_json::to_vec(&told).unwrap_or_default();
        self.group().broadcast(&mut bytes, Wait::Usual);
        self.meet();
    }

    /// The configuration of the first process; the others only.
    pub(crate) fn hear(&mut self) -> anyhow::Result<RunConfig> {
        let mut bytes = Vec::new();
        self.group().broadcast(&mut bytes, Wait::Endless);
        let told = Told::read(&bytes)?;
        self.mind_the_build(&told.program);
        self.fingerprint = told.fingerprint;
        Ok(parse::parse(&told.config, "the configuration of process 0")?)
    }

    /// Says so where the program has the version of the first process's and is not the same: it may be for another kind of
    /// processor, and it may draw other numbers.
    fn mind_the_build(&mut self, first: &str) {
        if program::fingerprint() == first {
            return;
        }
        let (rank, size) = (self.group().rank(), self.group().size());
        line_to_stderr(&format!(
            "note: process {rank} of {size} runs a different build of softreg than process 0: {}",
            program::ADVICE
        ));
    }

    /// Checks that the pictures are those of the first process, and meets the others; the others only.
    pub(crate) fn compare(&mut self, pictures: &Collection) -> anyhow::Result<()> {
        anyhow::ensure!(
            pictures.fingerprint == self.fingerprint,
            "the pictures here differ from those of process 0: give every host the same files"
        );
        self.meet();
        Ok(())
    }

    /// Waits for all processes.
    fn meet(&self) {
        match &self.group {
            Joined::Alone(_) => {}
            #[cfg(feature = "mpi")]
            Joined::Mpi(mpi) => mpi.meet(),
        }
    }

    /// Says that the others wait for nothing more.
    pub(crate) fn part(&mut self) {
        self.parted = true;
    }

    /// Ends all processes after an error that only this one knows, where others wait for it; else the error
    /// comes back, to be reported once.
    pub(crate) fn fail(&mut self, error: anyhow::Error) -> anyhow::Error {
        let (rank, size) = (self.group().rank(), self.group().size());
        let all_know = matches!(
            error.downcast_ref(),
            Some(Error::Diverged { everywhere: true, .. } | Error::TooManyProcesses { .. })
        );
        match &self.group {
            _ if size == 1 || self.parted => error,
            _ if all_know => {
                if rank == 0 {
                    failure::report(&error);
                }
                // A launcher ends all processes when the first one has failed: that is said before.
                self.meet();
                failure::Told.into()
            }
            Joined::Alone(_) => error,
            #[cfg(feature = "mpi")]
            Joined::Mpi(mpi) => {
                let error = error.context(format!("process {rank} of {size} on {}", mpi.host()));
                mpi.abort(failure::report(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_whatever_else_it_says() {
        let told = |version: &str| {
            let told = Told {
                version: version.to_owned(),
                program: program::fingerprint(),
                config: "seed = 3".to_owned(),
                fingerprint: "abc".to_owned(),
            };
            serde_json::to_vec(&told).unwrap()
        };
        let own = Told::read(&told(env!("CARGO_PKG_VERSION"))).unwrap();
        assert_eq!((own.config.as_str(), own.fingerprint.as_str()), ("seed = 3", "abc"));
        let later = br#"{"version": "9.1.0", "settings": {}}"#;
        for (bytes, name) in [
            (told("0.0.1").as_slice(), "process 0 is softreg 0.0.1"),
            (later.as_slice(), "process 0 is softreg 9.1.0"),
            (b"\x00\x01".as_slice(), "of unknown version"),
        ] {
            let error = Told::read(bytes).err().unwrap();
            assert!(error.is::<crate::failure::Usage>());
            assert!(error.to_string().contains(name), "{error}");
            assert!(
                error.to_string().contains("install the same version on every host"),
                "{error}"
            );
        }
    }
}
