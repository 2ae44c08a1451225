//! Followers see every row, whether it is hot or already in a file.

use crate::harness::{World, number_of, rows, tenant};

async fn follow_all(lake: &lake::Lake, mut position: i64) -> (Vec<i64>, i64) {
    let mut seen = Vec::new();
    loop {
        let mut read = lake.tenant(tenant(1)).read_after(position, 16, usize::MAX);
        assert!(read.position() >= position);
        while let Some((table, batch)) = read.next().await.unwrap() {
            seen.extend(lake::rows_from_batch(table, &batch).iter().map(number_of));
        }
        position = read.position();
        if !read.has_more() {
            seen.sort_unstable();
            return (seen, position);
        }
    }
}

#[tokio::test]
async fn rows_are_followed_once_across_flushes_and_restarts() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    let mut position = 0;
    let mut next = 0;
    for round in 0..6 {
        let start = next;
        for _ in 0..5 {
            lake.tenant(tenant(1)).append(rows(next..next + 9), None).await.unwrap();
            next += 9;
        }
        if round % 2 == 1 {
            lake.flush().await.unwrap();
        }
        // Every other time the follower is behind by two rounds, one of them flushed.
        if round % 3 != 0 {
            let (seen, at) = follow_all(&lake, position).await;
            position = at;
            assert_eq!(seen.last(), Some(&(next - 1)));
            assert!(
                seen.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "round {round} from {start}: {seen:?}"
            );
        }
    }
    assert_eq!(position, next);
    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(follow_all(&again, position).await, (Vec::new(), position));
    let (seen, _) = follow_all(&again, 0).await;
    assert_eq!(seen, (0..next).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_scan_has_every_row_once_wherever_it_lies() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    for round in 0..4 {
        lake.tenant(tenant(1)).append(rows(round * 9..round * 9 + 9), None).await.unwrap();
        lake.tenant(tenant(2)).append(rows(900..905), None).await.unwrap();
        // The last rows stay hot.
        if round < 3 {
            lake.flush().await.unwrap();
        }
    }
    let mut scan = lake.tenant(tenant(1)).scan();
    // What comes later is not in it.
    lake.tenant(tenant(1)).append(rows(500..505), None).await.unwrap();
    let mut seen = Vec::new();
    while let Some((table, batch)) = scan.next().await.unwrap() {
        seen.extend(lake::rows_from_batch(table, &batch).iter().map(number_of));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..36).collect::<Vec<_>>());
    assert_eq!(scan.position(), 36);
    assert!(lake.tenant(tenant(3)).scan().next().await.unwrap().is_none());
}

#[tokio::test]
async fn rows_are_gathered_in_parts_and_the_last_one_is_known() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    for round in 0..6 {
        lake.tenant(tenant(1)).append(rows(round * 9..round * 9 + 9), None).await.unwrap();
        if round < 2 {
            lake.flush().await.unwrap();
        }
    }
    for (rows_max, bytes_max) in [(9, usize::MAX), (20, usize::MAX), (usize::MAX, 1), (1_000, 1 << 20)] {
        let mut scan = lake.tenant(tenant(1)).scan();
        let mut gathered = Vec::new();
        while !scan.is_at_end() {
            let part = scan.gather(rows_max, bytes_max).await.unwrap();
            assert!(!part.is_empty());
            assert!(bytes_max > 1 || part.len() == 1);
            let rows = part.iter().flat_map(|(table, batch)| lake::rows_from_batch(table, batch));
            gathered.push(rows.map(|row| number_of(&row)).collect::<Vec<_>>());
            // No batch has more than nine rows.
            let rows = gathered.last().map_or(0, Vec::len);
            assert!(
                rows < rows_max.saturating_add(9)
                    && (rows >= rows_max.min(54) || bytes_max == 1 || scan.is_at_end())
            );
        }
        assert!(rows_max < 1_000 || bytes_max == 1 || gathered.len() == 1);
        let mut seen = gathered.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..54).collect::<Vec<_>>());
        assert!(scan.gather(1, 1).await.unwrap().is_empty());
    }
    let mut none = lake.tenant(tenant(1)).read_after(54, 9, usize::MAX);
    assert!(none.gather(9, 9).await.unwrap().is_empty() && none.is_at_end());
    let mut hot = lake.tenant(tenant(1)).read_after(18, usize::MAX, 1);
    assert_eq!(hot.gather(100, usize::MAX).await.unwrap().len(), 1);
    assert!(hot.has_more() && hot.is_at_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_are_followed_in_parts() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    for flush in 0..24 {
        lake.tenant(tenant(1)).append(rows(flush * 10..flush * 10 + 10), None).await.unwrap();
        lake.flush().await.unwrap();
        if flush % 8 == 7 {
            assert!(lake.upkeep().await.unwrap().merged >= 8);
        }
    }
    // Each of the last files is of some eighty rows, of one table and day.
    let (mut position, mut seen, mut reads) = (0, Vec::new(), 0);
    while position < 240 {
        let mut read = lake.tenant(tenant(1)).read_after(position, 16, usize::MAX);
        assert!(read.position() > position);
        let before = seen.len();
        while let Some((table, batch)) = read.next().await.unwrap() {
            seen.extend(lake::rows_from_batch(table, &batch).iter().map(number_of));
        }
        assert_eq!((seen.len() - before) as i64, read.position() - position);
        (position, reads) = (read.position(), reads + 1);
    }
    assert!(reads >= 3, "{reads}");
    seen.sort_unstable();
    assert_eq!(seen, (0..240).collect::<Vec<_>>());
    assert_eq!(follow_all(&lake, 200).await, ((200..240).collect(), 240));
}
