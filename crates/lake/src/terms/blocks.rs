//! Sets of a file's blocks.

/// Which blocks of a file to read. Block `n` is rows `n * rows_per_block` up to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSet {
    blocks: u32,
    words: Vec<u64>,
}

impl BlockSet {
    pub fn none(blocks: u32) -> BlockSet {
        BlockSet { blocks, words: vec![0; blocks.div_ceil(64) as usize] }
    }

    pub fn all(blocks: u32) -> BlockSet {
        let mut set = BlockSet::none(blocks);
        (0..blocks).for_each(|block| set.insert(block));
        set
    }

    /// How many blocks the file has.
    pub fn blocks(&self) -> u32 {
        self.blocks
    }

    /// A block that the file does not have is no part of any set.
    pub fn insert(&mut self, block: u32) {
        if block < self.blocks {
            self.words[block as usize / 64] |= 1 << (block % 64);
        }
    }

    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    pub fn contains(&self, block: u32) -> bool {
        block < self.blocks && self.words[block as usize / 64] >> (block % 64) & 1 == 1
    }

    pub fn len(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub fn is_all(&self) -> bool {
        self.len() == self.blocks
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.blocks).filter(|block| self.contains(*block))
    }

    /// Adds the blocks of another set of the same file.
    pub fn unite(&mut self, other: &BlockSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Keeps the blocks that another set of the same file has, too.
    pub fn intersect(&mut self, other: &BlockSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_blocks() {
        for blocks in [0, 1, 63, 64, 65, 200] {
            let all = BlockSet::all(blocks);
            assert!(all.is_all() && all.len() == blocks && !all.contains(blocks));
            let mut set = BlockSet::none(blocks);
            assert!(set.is_empty());
            set.insert(blocks);
            assert!(set.is_empty(), "there is no such block");
            (0..blocks).filter(|block| block % 3 == 0).for_each(|block| set.insert(block));
            assert_eq!(set.iter().collect::<Vec<_>>(), (0..blocks).step_by(3).collect::<Vec<_>>());
            let mut both = all.clone();
            both.intersect(&set);
            assert_eq!(both, set);
            both.unite(&all);
            assert_eq!(both, all);
        }
    }
}
