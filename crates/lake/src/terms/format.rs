//! The layout of a term index: a head, and pages of terms behind it.
//!
//! The hash of a term has a place in a universe that is about `2^FINGERPRINT_BITS` times as large as the number of
//! terms; the universe is cut into pages of equal spans. A page is the sorted places of its terms, as the
//! differences between them, each with the blocks that hold the term. A term that no row holds shares the place
//! of another with a chance of `2^-FINGERPRINT_BITS`, and then names blocks for nothing.

use bytes::{BufMut, Bytes};

use super::bits::{BitReader, BitWriter};
use super::blocks::BlockSet;

/// Also the version: another layout gets another mark.
const MAGIC: &[u8; 4] = b"BZT1";
const FIXED_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 4;
/// Of these bits of a term's hash its place is made.
pub(super) const HASH_BITS: u32 = 48;
/// Terms of a page, on average: a page has about 3 KB.
const PAGE_TERMS: u64 = 1 << PAGE_TERMS_BITS;
const PAGE_TERMS_BITS: u32 = 11;
/// Each costs a bit a term and halves the blocks that are read for nothing.
const FINGERPRINT_BITS: u32 = 7;
const SPAN_BITS: u32 = PAGE_TERMS_BITS + FINGERPRINT_BITS;
/// A block is known by 16 bits, and two numbers mean something else.
pub(super) const BLOCKS_MAX: u32 = (1 << 16) - 2;
const PAGES_MAX: u32 = 1 << 20;

/// What is known of an index before any page is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub rows: u64,
    pub rows_per_block: u32,
    pub blocks: u32,
    pub terms: u64,
    span_bits: u32,
    rice_bits: u32,
    /// Blocks that every term names, since theirs were too many.
    pub opaque: BlockSet,
    /// Where each page begins, and where the last one ends.
    offsets: Vec<u32>,
}

/// A page and where in it to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub page: u32,
    in_page: u32,
}

/// Encodes sorted pairs of a hash's upper [`HASH_BITS`] and, below them, the block. They are in one list or in several,
/// of which each has the hashes with other upper bits, [`SPAN_BITS`] of them at most.
pub(super) fn encode(lists: &[Vec<u64>], rows: u64, rows_per_block: u32, opaque: &BlockSet) -> Bytes {
    let blocks = opaque.blocks();
    let terms =
        lists.iter().map(|pairs| pairs.chunk_by(|a, b| a >> 16 == b >> 16).count() as u64).sum::<u64>();
    let pages = terms.div_ceil(PAGE_TERMS).clamp(1, u64::from(PAGES_MAX)) as u32;
    let universe = u64::from(pages) << SPAN_BITS;
    let rice_bits = (universe / terms.max(1)).ilog2().min(SPAN_BITS);
    let mut head = Head {
        rows,
        rows_per_block,
        blocks,
        terms,
        span_bits: SPAN_BITS,
        rice_bits,
        opaque: opaque.clone(),
        offsets: Vec::new(),
    };

    let mut pages_bytes = Vec::new();
    let mut page = PageWriter::default();
    let mut of_term = BlockSet::none(blocks);
    let begin = head_bytes(blocks, pages) as u32;
    head.offsets.push(begin);
    let close = |page: PageWriter, pages_bytes: &mut Vec<u8>, offsets: &mut Vec<u32>| {
        page.finish(offsets.len() as u32 - 1, pages_bytes);
        offsets.push(begin + pages_bytes.len() as u32);
    };
    let place = |pair: &u64| place_of(pair >> 16, pages, SPAN_BITS);
    // Places are not fewer than lists, and as many for each: none has pairs of two.
    for group in lists.iter().flat_map(|pairs| pairs.chunk_by(|a, b| place(a) == place(b))) {
        let at = place(&group[0]);
        while head.offsets.len() as u32 - 1 < at.page {
            close(std::mem::take(&mut page), &mut pages_bytes, &mut head.offsets);
        }
        of_term.clear();
        group.iter().for_each(|pair| of_term.insert((pair & 0xFFFF) as u32));
        page.add(at.in_page, &of_term, rice_bits);
    }
    while head.offsets.len() as u32 - 1 < pages {
        close(std::mem::take(&mut page), &mut pages_bytes, &mut head.offsets);
    }
    let mut bytes = head.encode();
    bytes.extend_from_slice(&pages_bytes);
    bytes.into()
}

fn place_of(hash: u64, pages: u32, span_bits: u32) -> Place {
    let universe = u128::from(pages) << span_bits;
    let place = ((u128::from(hash) * universe) >> HASH_BITS) as u64;
    Place { page: (place >> span_bits) as u32, in_page: (place & ((1 << span_bits) - 1)) as u32 }
}

fn head_bytes(blocks: u32, pages: u32) -> usize {
    FIXED_BYTES + blocks.div_ceil(8) as usize + (pages as usize + 1) * 4 + CHECKSUM_BYTES
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let pages = self.offsets.len() as u32 - 1;
        let mut bytes = Vec::with_capacity(head_bytes(self.blocks, pages));
        bytes.put_slice(MAGIC);
        bytes.put_u32_le(head_bytes(self.blocks, pages) as u32);
        bytes.put_u64_le(self.rows);
        bytes.put_u32_le(self.rows_per_block);
        bytes.put_u32_le(self.blocks);
        bytes.put_u32_le(pages);
        bytes.put_u8(self.span_bits as u8);
        bytes.put_u8(self.rice_bits as u8);
        bytes.put_u16_le(0);
        bytes.put_u64_le(self.terms);
        let mut opaque = vec![0u8; self.blocks.div_ceil(8) as usize];
        self.opaque.iter().for_each(|block| opaque[block as usize / 8] |= 1 << (block % 8));
        bytes.put_slice(&opaque);
        self.offsets.iter().for_each(|offset| bytes.put_u32_le(*offset));
        let checksum = crc32fast::hash(&bytes);
        bytes.put_u32_le(checksum);
        bytes
    }

    /// How many bytes the head has, by its first eight.
    pub fn length(start: &[u8]) -> Result<usize, String> {
        let magic = start.get(..4).ok_or("the file is cut off")?;
        if magic != MAGIC {
            return Err("it does not begin as a term index of this version".to_owned());
        }
        let length = u32_at(start, 4)? as usize;
        let allowed = head_bytes(1, 1)..=head_bytes(BLOCKS_MAX, PAGES_MAX);
        allowed.contains(&length).then_some(length).ok_or_else(|| format!("a head of {length} bytes"))
    }

    /// Reads a whole head, of [`Head::length`] bytes.
    pub fn decode(bytes: &[u8]) -> Result<Head, String> {
        let length = Head::length(bytes)?;
        let bytes = bytes.get(..length).ok_or("the file is cut off inside the head")?;
        let (checked, checksum) = bytes.split_at(length - CHECKSUM_BYTES);
        if crc32fast::hash(checked) != u32_at(checksum, 0)? {
            return Err("the head's checksum is wrong".to_owned());
        }
        let (blocks, pages) = (u32_at(bytes, 20)?, u32_at(bytes, 24)?);
        let (span_bits, rice_bits) = (u32::from(bytes[28]), u32::from(bytes[29]));
        if blocks > BLOCKS_MAX
            || !(1..=PAGES_MAX).contains(&pages)
            || length != head_bytes(blocks, pages)
            || span_bits > 24
            || rice_bits > span_bits
        {
            return Err("the head's numbers do not go together".to_owned());
        }
        let mut opaque = BlockSet::none(blocks);
        let marks = |block: &u32| bytes[FIXED_BYTES + *block as usize / 8] >> (block % 8) & 1 == 1;
        (0..blocks).filter(marks).for_each(|block| opaque.insert(block));
        let offsets_at = FIXED_BYTES + blocks.div_ceil(8) as usize;
        let offsets = (0..=pages as usize).map(|page| u32_at(bytes, offsets_at + page * 4));
        let offsets = offsets.collect::<Result<Vec<u32>, _>>()?;
        if offsets[0] as usize != length || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err("the pages are not one behind the other".to_owned());
        }
        Ok(Head {
            rows: u64_at(bytes, 8)?,
            rows_per_block: u32_at(bytes, 16)?,
            blocks,
            terms: u64_at(bytes, 32)?,
            span_bits,
            rice_bits,
            opaque,
            offsets,
        })
    }

    /// Bytes that the head itself takes in memory.
    pub fn memory(&self) -> usize {
        self.offsets.len() * 4 + self.blocks as usize / 8 + size_of::<Head>()
    }

    /// Where a term with this hash would be.
    pub fn place(&self, hash: u64) -> Place {
        place_of(hash >> (64 - HASH_BITS), self.offsets.len() as u32 - 1, self.span_bits)
    }

    pub fn pages(&self) -> u32 {
        self.offsets.len() as u32 - 1
    }

    /// Whether a page is what was written.
    pub fn check(&self, page: u32, bytes: &[u8]) -> Result<(), String> {
        checked_page(page, bytes).map(|_| ())
    }

    /// Where in the file a page is.
    pub fn range(&self, page: u32) -> std::ops::Range<u64> {
        let page = page as usize;
        u64::from(self.offsets[page])..u64::from(self.offsets[page + 1])
    }

    /// The blocks of the term at a place of a page; the opaque ones are not among them.
    pub fn find(&self, place: Place, page: &[u8]) -> Result<BlockSet, String> {
        let damaged = || format!("page {} does not hold what it says", place.page);
        let bits = checked_page(place.page, page)?;
        let mut found = BlockSet::none(self.blocks);
        let terms = u32_at(page, 0)?;
        let mut reader = BitReader::new(bits);
        let mut next = 0u64;
        for _ in 0..terms {
            let quotient = u64::from(reader.read_unary().ok_or_else(damaged)?);
            let rest = u64::from(reader.read(self.rice_bits).ok_or_else(damaged)?);
            let at = next + (quotient << self.rice_bits) + rest;
            if at > u64::from(place.in_page) {
                break;
            }
            let wanted = at == u64::from(place.in_page);
            read_blocks(&mut reader, self.blocks, wanted.then_some(&mut found)).ok_or_else(damaged)?;
            if wanted {
                break;
            }
            next = at + 1;
        }
        Ok(found)
    }
}

/// A page's bits, once its checksum is right. The checksum covers the page's number, so that a page in another's
/// place is found out as well.
fn checked_page(number: u32, page: &[u8]) -> Result<&[u8], String> {
    let bits = page.len().checked_sub(4 + CHECKSUM_BYTES).map(|bits| &page[4..4 + bits]);
    let bits = bits.ok_or_else(|| format!("page {number} is cut off"))?;
    if page_checksum(number, &page[..page.len() - CHECKSUM_BYTES]) != u32_at(page, page.len() - 4)? {
        return Err(format!("the checksum of page {number} is wrong"));
    }
    Ok(bits)
}

fn page_checksum(number: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[derive(Default)]
struct PageWriter {
    bits: BitWriter,
    terms: u32,
    /// The first place that the next term can have.
    next: u32,
}

impl PageWriter {
    fn add(&mut self, place: u32, blocks: &BlockSet, rice_bits: u32) {
        let difference = place - self.next;
        self.bits.write_unary(difference >> rice_bits);
        self.bits.write((u64::from(difference) & ((1 << rice_bits) - 1)) as u32, rice_bits);
        write_blocks(&mut self.bits, blocks);
        self.terms += 1;
        self.next = place + 1;
    }

    fn finish(self, number: u32, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.put_u32_le(self.terms);
        bytes.extend_from_slice(&self.bits.finish());
        let checksum = page_checksum(number, &bytes[start..]);
        bytes.put_u32_le(checksum);
    }
}

/// Bits of a number that is a block, [`several`] or [`everywhere`].
fn number_bits(blocks: u32) -> u32 {
    32 - (blocks + 1).leading_zeros()
}

/// What is written in place of a block's number when a list or a bitmap of blocks follows.
fn several(blocks: u32) -> u32 {
    blocks
}

/// What is written in place of a block's number for a term of more than half of the blocks: not worth telling.
fn everywhere(blocks: u32) -> u32 {
    blocks + 1
}

fn write_blocks(bits: &mut BitWriter, of_term: &BlockSet) {
    let (blocks, width, count) = (of_term.blocks(), number_bits(of_term.blocks()), of_term.len());
    if count == 1 {
        of_term.iter().for_each(|block| bits.write(block, width));
    } else if count > blocks / 2 {
        bits.write(everywhere(blocks), width);
    } else if (count + 1) * width < blocks {
        bits.write(several(blocks), width);
        bits.write(0, 1);
        bits.write(count, width);
        of_term.iter().for_each(|block| bits.write(block, width));
    } else {
        bits.write(several(blocks), width);
        bits.write(1, 1);
        (0..blocks).for_each(|block| bits.write(u32::from(of_term.contains(block)), 1));
    }
}

/// Reads the blocks of a term into a set, or over them. None when that is not what follows.
fn read_blocks(bits: &mut BitReader<'_>, blocks: u32, mut into: Option<&mut BlockSet>) -> Option<()> {
    let width = number_bits(blocks);
    let mut found = |block: u32| {
        if let Some(set) = &mut into {
            set.insert(block);
        }
    };
    let number = bits.read(width)?;
    if number < blocks {
        found(number);
    } else if number == everywhere(blocks) {
        (0..blocks).for_each(found);
    } else if number == several(blocks) {
        if bits.read(1)? == 0 {
            for _ in 0..bits.read(width)? {
                found(bits.read(width)?);
            }
        } else {
            for block in 0..blocks {
                if bits.read(1)? == 1 {
                    found(block);
                }
            }
        }
    } else {
        return None;
    }
    Some(())
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, String> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(u32::from_le_bytes).ok_or_else(|| "the file is cut off".to_owned())
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, String> {
    Ok(u64::from(u32_at(bytes, at)?) | u64::from(u32_at(bytes, at + 4)?) << 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(terms: u64, blocks: u32) -> Vec<u64> {
        let scattered = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) & !0xFFFF;
        let mut pairs: Vec<u64> = (1..=terms)
            .flat_map(|n| (0..n % 4).map(move |at| scattered(n) | ((n * 7 + at * 3) % u64::from(blocks))))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn sample(terms: u64, blocks: u32) -> Bytes {
        encode(&[pairs(terms, blocks)], 1000, 10, &BlockSet::none(blocks))
    }

    #[test]
    fn lists_by_upper_bits_make_what_one_list_makes() {
        for terms in [0, 1, 50, 20_000] {
            let pairs = pairs(terms, 100);
            let lists = (0..64).map(|at| pairs.iter().copied().filter(|pair| pair >> 58 == at).collect());
            let lists: Vec<Vec<u64>> = lists.collect();
            assert!(encode(&lists, 1000, 10, &BlockSet::none(100)) == sample(terms, 100), "{terms} terms");
        }
    }

    proptest! {
        /// Bytes that were changed by somebody who can calculate checksums.
        #[test]
        fn what_is_checked_and_wrong_is_survived(
            terms in 0u64..5000,
            blocks in 1u32..300,
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
            asked in proptest::collection::vec(any::<u64>(), 20),
        ) {
            let mut bytes = sample(terms, blocks).to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let Ok(length) = Head::length(&bytes) else { return Ok(()) };
            if length <= bytes.len() {
                let checksum = crc32fast::hash(&bytes[..length - 4]);
                bytes[length - 4..length].copy_from_slice(&checksum.to_le_bytes());
            }
            let Ok(head) = Head::decode(&bytes) else { return Ok(()) };
            for hash in asked {
                let place = head.place(hash);
                let range = head.range(place.page);
                let Some(page) = bytes.get(range.start as usize..range.end as usize) else { continue };
                let mut page = page.to_vec();
                if let Some(end) = page.len().checked_sub(4) {
                    let checksum = page_checksum(place.page, &page[..end]);
                    page[end..].copy_from_slice(&checksum.to_le_bytes());
                }
                if let Ok(found) = head.find(place, &page) {
                    prop_assert!(found.len() <= head.blocks);
                }
            }
        }
    }

    #[test]
    fn a_page_in_the_place_of_another_is_found_out() {
        let bytes = sample(5000, 50);
        let head = Head::decode(&bytes).unwrap();
        let first = head.range(0);
        let page = &bytes[first.start as usize..first.end as usize];
        assert!(head.find(Place { page: 0, in_page: 0 }, page).is_ok());
        let error = head.find(Place { page: 1, in_page: 0 }, page).unwrap_err();
        assert_eq!(error, "the checksum of page 1 is wrong");
    }
}
