//! Rows as sysbench makes them, the same in each run, as files for LOAD DATA.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Numbers that look random and are the same in each run (xorshift64*).
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }

    /// `groups` of eleven digits with dashes between, as sysbench's `c` (10) and `pad` (5).
    pub(crate) fn groups(&mut self, groups: usize) -> String {
        let group = |numbers: &mut Numbers| {
            let (high, low) = (numbers.below(1_000_000), numbers.below(100_000));
            format!("{high:06}{low:05}")
        };
        (0..groups).map(|_| group(self)).collect::<Vec<_>>().join("-")
    }
}

/// A table of sysbench; `indexed`: with its secondary index.
pub(crate) fn create_table(number: usize, indexed: bool) -> String {
    let index = if indexed {
        format!(", KEY k_{number} (k)")
    } else {
        String::new()
    };
    format!(
        "CREATE TABLE sbtest.sbtest{number} (id int NOT NULL AUTO_INCREMENT, k int NOT NULL DEFAULT '0', \
         c char(120) NOT NULL DEFAULT '', pad char(60) NOT NULL DEFAULT '', PRIMARY KEY (id){index});\n"
    )
}

/// Reads a table from its file, in the client's session.
pub(crate) fn load_data(number: usize, file: &Path) -> String {
    format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE sbtest.sbtest{number} (id, k, c, pad);\n",
        file.display()
    )
}

/// A folder that goes with the benchmark.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Folder> {
        let path = std::env::temp_dir().join(format!("tidegate-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays is in the temporary one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One file a table, with ids from 1 on.
pub(crate) fn write_files(folder: &Folder, tables: usize, rows: u64) -> anyhow::Result<Vec<PathBuf>> {
    (1..=tables)
        .map(|number| {
            let path = folder.path().join(format!("sbtest{number}.txt"));
            let mut file = BufWriter::new(File::create(&path)?);
            let mut numbers = Numbers::new(number as u64);
            for id in 1..=rows {
                let k = numbers.below(rows) + 1;
                writeln!(file, "{id}\t{k}\t{}\t{}", numbers.groups(10), numbers.groups(5))?;
            }
            file.flush()?;
            Ok(path)
        })
        .collect()
}
