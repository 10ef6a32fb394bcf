//! What a power cut may leave of a folder: all that was synced, and of the rest whatever the disk came to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::record::Step;
use crate::journal::Random;

/// The files of a folder, by name.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// A folder, and what of it is safe.
#[derive(Clone)]
pub(super) struct Disk {
    folder: u64,
    names: History<Naming>,
    /// Also those that have no name any more.
    files: Vec<History<Change>>,
    /// Which file has a number or a name now, as those that run see it.
    by_inode: HashMap<u64, usize>,
    by_name: BTreeMap<String, usize>,
    /// What each sync that has begun will make safe: of a file, or of the names.
    syncs: HashMap<u64, (Option<usize>, usize)>,
}

/// Changes in order, so many of which are safe.
#[derive(Clone)]
struct History<T> {
    changes: Vec<T>,
    safe: usize,
}

#[derive(Clone)]
enum Change {
    Written { offset: usize, bytes: Vec<u8> },
    CutTo(usize),
}

#[derive(Clone)]
enum Naming {
    Given {
        name: String,
        file: usize,
    },
    Moved {
        from: String,
        to: String,
        file: usize,
    },
    Taken {
        name: String,
    },
}

impl Disk {
    /// Of what has been there for a long time.
    pub(super) fn of(folder: &Path) -> Self {
        let inode = |path: &Path| path.metadata().expect("it is there").ino();
        let mut disk = Self {
            folder: inode(folder),
            names: History::default(),
            files: Vec::new(),
            by_inode: HashMap::new(),
            by_name: BTreeMap::new(),
            syncs: HashMap::new(),
        };
        for (name, bytes) in contents(folder) {
            let inode = inode(&folder.join(&name));
            disk.take(&Step::Created { inode, name });
            disk.take(&Step::Written {
                inode,
                offset: 0,
                bytes,
            });
        }
        disk.names.safe = disk.names.changes.len();
        for file in &mut disk.files {
            file.safe = file.changes.len();
        }
        disk
    }

    pub(super) fn after(mut self, steps: &[Step]) -> Self {
        for step in steps {
            self.take(step);
        }
        self
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Created { inode, name } => {
                let file = self.files.len();
                self.files.push(History::default());
                // The number may have been that of a file which was removed.
                self.by_inode.insert(*inode, file);
                self.name(Naming::Given {
                    name: name.clone(),
                    file,
                });
            }
            Step::Written {
                inode,
                offset,
                bytes,
            } => self.change(
                *inode,
                Change::Written {
                    offset: *offset as usize,
                    bytes: bytes.clone(),
                },
            ),
            Step::CutTo { inode, length } => self.change(*inode, Change::CutTo(*length as usize)),
            Step::SyncBegun { inode, which } => {
                let of = (*inode != self.folder).then(|| self.by_inode[inode]);
                let covers = of.map_or(self.names.changes.len(), |file| {
                    self.files[file].changes.len()
                });
                self.syncs.insert(*which, (of, covers));
            }
            Step::SyncReturned { which } => {
                let (of, covers) = self.syncs.remove(which).expect("it had begun");
                let safe = match of {
                    Some(file) => &mut self.files[file].safe,
                    None => &mut self.names.safe,
                };
                *safe = covers.max(*safe);
            }
            Step::Renamed { from, to } => self.name(Naming::Moved {
                from: from.clone(),
                to: to.clone(),
                file: self.by_name[from],
            }),
            Step::Removed { name } => self.name(Naming::Taken { name: name.clone() }),
        }
    }

    fn change(&mut self, inode: u64, change: Change) {
        self.files[self.by_inode[&inode]].changes.push(change);
    }

    /// All that may come of a power cut at any moment comes of one at these: before a sync makes something safe. Each
    /// is so many of the steps.
    pub(super) fn moments(steps: &[Step]) -> Vec<usize> {
        let numbered = steps.iter().enumerate();
        let synced = numbered.filter(|(_, step)| matches!(step, Step::SyncReturned { .. }));
        synced.map(|(at, _)| at).chain([steps.len()]).collect()
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.by_name);
        self.names.changes.push(naming);
    }

    /// As those that run see it.
    pub(super) fn now(&self) -> Contents {
        self.named(&self.by_name, |file| {
            let mut bytes = Vec::new();
            file.changes
                .iter()
                .for_each(|change| change.apply(&mut bytes));
            bytes
        })
    }

    /// As it may be when the power is back.
    pub(super) fn after_cut(&self, fate: &mut Fate<'_>) -> Contents {
        let mut names = BTreeMap::new();
        let (safe, rest) = self.names.changes.split_at(self.names.safe);
        safe.iter().for_each(|naming| naming.apply(&mut names));
        let mut is_lost = false;
        for naming in rest {
            is_lost = (is_lost && fate.keeps_order) || !fate.keeps_name();
            if !is_lost {
                naming.apply(&mut names);
            }
        }
        self.named(&names, |file| file.after_cut(fate))
    }

    fn named(
        &self,
        names: &BTreeMap<String, usize>,
        mut content: impl FnMut(&History<Change>) -> Vec<u8>,
    ) -> Contents {
        let names = names.iter();
        names
            .map(|(name, file)| (name.clone(), content(&self.files[*file])))
            .collect()
    }
}

impl History<Change> {
    /// The disk writes whole sectors, each as it was at some moment, in any order. Lengths are as independent.
    fn after_cut(&self, fate: &mut Fate<'_>) -> Vec<u8> {
        let mut content = Vec::new();
        let (safe, rest) = self.changes.split_at(self.safe);
        safe.iter().for_each(|change| change.apply(&mut content));
        // The disk does not come to them any more.
        let mut settled = HashSet::new();
        for change in rest {
            match change {
                Change::CutTo(_) if !fate.keeps_length() => {}
                Change::CutTo(_) => change.apply(&mut content),
                Change::Written { offset, bytes } => {
                    for (at, piece) in sectors(*offset, bytes) {
                        let sector = at / SECTOR_BYTES;
                        let is_kept = !settled.contains(&sector) && fate.keeps_sector();
                        let end = at + piece.len();
                        if is_kept || (end > content.len() && fate.keeps_length()) {
                            grow(&mut content, end, fate.fill);
                        }
                        if is_kept {
                            content[at..end].copy_from_slice(piece);
                        } else {
                            settled.insert(sector);
                        }
                    }
                }
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::CutTo(length) => content.resize(*length, 0),
            Self::Written { offset, bytes } => {
                let end = offset + bytes.len();
                grow(content, end, 0);
                content[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Given { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Moved { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Taken { name } => {
                names.remove(name);
            }
        }
    }
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            safe: 0,
        }
    }
}

/// What becomes of that which was not synced.
pub(super) struct Fate<'a> {
    random: &'a mut Random,
    names_kept_percent: u64,
    lengths_kept_percent: u64,
    sectors_kept_percent: u64,
    /// Names change in the order in which they were changed, as with a file system that has a journal.
    keeps_order: bool,
    /// What is read where a file is longer than what was written to it.
    fill: u8,
}

impl<'a> Fate<'a> {
    pub(super) fn draw(random: &'a mut Random) -> Self {
        let mut pick = |count: usize| random.next() as usize % count;
        let mut percent = || [0, 10, 50, 90, 99, 100][pick(6)];
        Self {
            names_kept_percent: percent(),
            lengths_kept_percent: percent(),
            sectors_kept_percent: percent(),
            keeps_order: pick(2) == 0,
            fill: [0, 0xa5][pick(2)],
            random,
        }
    }

    /// Files are there, as long as they were, and have nothing in them.
    pub(super) fn hollow(random: &'a mut Random) -> Self {
        Self {
            names_kept_percent: 100,
            lengths_kept_percent: 100,
            sectors_kept_percent: 0,
            ..Self::draw(random)
        }
    }

    fn keeps_name(&mut self) -> bool {
        self.happens(self.names_kept_percent)
    }

    fn keeps_length(&mut self) -> bool {
        self.happens(self.lengths_kept_percent)
    }

    fn keeps_sector(&mut self) -> bool {
        self.happens(self.sectors_kept_percent)
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.random.next() % 100 < percent
    }
}

/// All files of a folder but those that SQLite makes anew.
pub(super) fn contents(folder: &Path) -> Contents {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let files = paths.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        (!name.ends_with("-shm")).then(|| (name, std::fs::read(path).expect("it is there")))
    });
    files.collect()
}

fn grow(content: &mut Vec<u8>, length: usize, fill: u8) {
    if content.len() < length {
        content.resize(length, fill);
    }
}

/// The pieces of what is written, each in a sector of its own.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = offset;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = rest.len().min(SECTOR_BYTES - at % SECTOR_BYTES);
        let (piece, behind) = rest.split_at(length);
        let from = at;
        (at, rest) = (at + length, behind);
        (length > 0).then_some((from, piece))
    })
}

/// What every disk writes as a whole.
const SECTOR_BYTES: usize = 512;
