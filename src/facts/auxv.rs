//! The auxiliary vector, from `/proc/self/auxv` (getauxval(3)): pairs of words in the program's own size and order.

use std::collections::BTreeMap;

use super::Malformed;

/// The end of the vector.
const AT_NULL: usize = 0;
/// The size of a page, in bytes.
pub const AT_PAGESZ: usize = 6;
/// Ticks a second in `times(2)`.
pub const AT_CLKTCK: usize = 17;
/// Whether the loader and libc must distrust the environment.
pub const AT_SECURE: usize = 23;

/// Read the vector. The first of a type counts; what comes after `AT_NULL` does not.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<usize, usize>, Malformed> {
    const WORD: usize = size_of::<usize>();
    let mut words = bytes.chunks_exact(WORD).map(|chunk| {
        let mut word = [0; WORD];
        word.copy_from_slice(chunk);
        usize::from_ne_bytes(word)
    });
    let mut vector = BTreeMap::new();
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        if kind == AT_NULL {
            return Ok(vector);
        }
        vector.entry(kind).or_insert(value);
    }
    Err(Malformed { what: "end of the vector", line: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn print(pairs: &[(usize, usize)]) -> Vec<u8> {
        pairs.iter().flat_map(|(kind, value)| [kind.to_ne_bytes(), value.to_ne_bytes()]).flatten().collect()
    }

    #[test]
    fn the_vector_of_this_process_has_its_page_size() {
        let bytes = std::fs::read("/proc/self/auxv").expect("the vector can be read");
        let page = parse(&bytes).expect("it is a vector")[&AT_PAGESZ];
        assert!(page.is_power_of_two() && page >= 4096, "{page}");
    }

    #[test]
    fn a_vector_without_an_end_is_refused() {
        let refused = Err(Malformed { what: "end of the vector", line: 0 });
        assert_eq!(parse(b""), refused);
        assert_eq!(parse(&print(&[(AT_PAGESZ, 4096)])), refused);
        assert_eq!(parse(&print(&[(AT_NULL, 0)])[..size_of::<usize>()]), refused);
    }

    proptest! {
        #[test]
        fn pairs_are_read_back(map in proptest::collection::btree_map(1..usize::MAX, any::<usize>(), 0..30)) {
            let mut pairs: Vec<(usize, usize)> = map.clone().into_iter().collect();
            pairs.push((AT_NULL, 0));
            prop_assert_eq!(parse(&print(&pairs)), Ok(map));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
