//! S2 cells: the sphere as six squares, each cut into four again and again along a Hilbert curve.

use super::geo_sphere::Vector;

/// The finest level.
pub(super) const LEVEL_MAX: u32 = 30;
const SIZE: u32 = 1 << LEVEL_MAX;
const SWAPS: usize = 1;
const INVERTS: usize = 2;
/// The quarter of a square, column and row, at each place of the curve; for each of its four turns.
const QUARTERS: [[(u32, u32); 4]; 4] = [
    [(0, 0), (0, 1), (1, 1), (1, 0)],
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(1, 1), (1, 0), (0, 0), (0, 1)],
    [(1, 1), (0, 1), (0, 0), (1, 0)],
];
/// How the curve is turned further within the quarter at each place.
const TURNS: [usize; 4] = [SWAPS, 0, 0, INVERTS | SWAPS];

/// A cell by its number: the face, then two bits a level, then a one, then zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell(u64);

fn to_square(axis: f64) -> f64 {
    if axis >= 0.0 { 0.5 * (1.0 + 3.0 * axis).sqrt() } else { 1.0 - 0.5 * (1.0 - 3.0 * axis).sqrt() }
}

fn from_square(side: f64) -> f64 {
    if side >= 0.5 { (4.0 * side * side - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - side).powi(2)) / 3.0 }
}

/// The face of the cube around the sphere that a direction meets, and where, from -1 to 1.
fn face_of(point: Vector) -> (u64, f64, f64) {
    let Vector(x, y, z) = point;
    let (size_x, size_y, size_z) = (x.abs(), y.abs(), z.abs());
    if size_x >= size_y && size_x >= size_z {
        if x >= 0.0 { (0, y / x, z / x) } else { (3, z / x, y / x) }
    } else if size_y >= size_z {
        if y >= 0.0 { (1, -x / y, z / y) } else { (4, z / y, -x / y) }
    } else if z >= 0.0 {
        (2, -x / z, -y / z)
    } else {
        (5, -y / z, -x / z)
    }
}

fn direction(face: u64, u: f64, v: f64) -> Vector {
    match face {
        0 => Vector(1.0, u, v),
        1 => Vector(-u, 1.0, v),
        2 => Vector(-u, -v, 1.0),
        3 => Vector(-1.0, -v, -u),
        4 => Vector(v, -1.0, -u),
        _ => Vector(v, u, -1.0),
    }
}

impl Cell {
    pub fn at(point: Vector, level: u32) -> Cell {
        let (face, u, v) = face_of(point);
        let step =
            |axis: f64| ((to_square(axis) * f64::from(SIZE)).floor().clamp(0.0, f64::from(SIZE - 1))) as u32;
        Cell::of_leaf(face, step(u), step(v)).parent(level)
    }

    fn of_leaf(face: u64, column: u32, row: u32) -> Cell {
        let mut turn = face as usize & SWAPS;
        let mut number = face;
        for level in (0..LEVEL_MAX).rev() {
            let quarter = ((column >> level) & 1, (row >> level) & 1);
            let place = QUARTERS[turn].iter().position(|known| *known == quarter).unwrap_or(0);
            number = number << 2 | place as u64;
            turn ^= TURNS[place];
        }
        Cell(number << 1 | 1)
    }

    /// Reads a token: the number in hexadecimal digits without zeros at the end.
    pub fn parse(token: &str) -> Option<Cell> {
        if token.is_empty() || token.len() > 16 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u64::from_str_radix(token, 16).ok()? << (4 * (16 - token.len()));
        let cell = Cell(number);
        let zeros = number.trailing_zeros();
        let is_valid = number >> 61 < 6 && zeros.is_multiple_of(2) && zeros <= 2 * LEVEL_MAX;
        is_valid.then_some(cell)
    }

    pub fn token(self) -> String {
        format!("{:016x}", self.0).trim_end_matches('0').to_owned()
    }

    pub fn level(self) -> u32 {
        LEVEL_MAX - self.0.trailing_zeros() / 2
    }

    fn parent(self, level: u32) -> Cell {
        let mark = 1u64 << (2 * (LEVEL_MAX - level));
        Cell(self.0 & mark.wrapping_neg() | mark)
    }

    /// The six cells of level 0.
    pub fn faces() -> impl Iterator<Item = Cell> {
        (0..6).map(|face| Cell(face << 61 | 1 << 60))
    }

    /// The four cells within this one, in their order; none of the finest level.
    pub fn children(self) -> Vec<Cell> {
        let mark = self.0 & self.0.wrapping_neg();
        if mark == 1 {
            return Vec::new();
        }
        let first = self.0 - mark + (mark >> 2);
        (0..4).map(|at| Cell(first + at * (mark >> 1))).collect()
    }

    /// The face, the column and the row of the first corner, and the length of a side, in the finest steps.
    fn square(self) -> (u64, u32, u32, u32) {
        let face = self.0 >> 61;
        let level = self.level();
        let mut turn = face as usize & SWAPS;
        let (mut column, mut row) = (0, 0);
        for step in 0..level {
            let place = (self.0 >> (59 - 2 * step)) as usize & 3;
            let quarter = QUARTERS[turn][place];
            column = column << 1 | quarter.0;
            row = row << 1 | quarter.1;
            turn ^= TURNS[place];
        }
        let up = LEVEL_MAX - level;
        (face, column << up, row << up, 1u32 << up)
    }

    fn point(face: u64, column: f64, row: f64) -> Vector {
        let side = |step: f64| from_square(step / f64::from(SIZE));
        direction(face, side(column), side(row))
    }

    pub fn middle(self) -> Vector {
        let (face, column, row, length) = self.square();
        let half = f64::from(length) / 2.0;
        Cell::point(face, f64::from(column) + half, f64::from(row) + half)
    }

    pub fn corners(self) -> [Vector; 4] {
        let (face, column, row, length) = self.square();
        let (column, row, length) = (f64::from(column), f64::from(row), f64::from(length));
        let corner = |right: f64, up: f64| Cell::point(face, column + right * length, row + up * length);
        [corner(0.0, 0.0), corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)]
    }

    /// The cell that lies some sides of this one to the right and above; also on another face.
    fn beside(self, right: i64, above: i64) -> Cell {
        let (face, column, row, length) = self.square();
        let half = f64::from(length) / 2.0;
        let moved = |start: u32, by: i64| f64::from(start) + half + by as f64 * f64::from(length);
        let (column, row) = (moved(column, right), moved(row, above));
        let inside = 0.0..f64::from(SIZE);
        if inside.contains(&column) && inside.contains(&row) {
            return Cell::of_leaf(face, column as u32, row as u32).parent(self.level());
        }
        // Just beyond the edge of the face, where the next one begins: the curve of sides is not followed there.
        let axis = |step: f64| {
            let within = from_square(step.clamp(0.0, f64::from(SIZE)) / f64::from(SIZE));
            let beyond = if step < 0.0 {
                -1e-12
            } else if step >= f64::from(SIZE) {
                1e-12
            } else {
                0.0
            };
            within + beyond
        };
        Cell::at(direction(face, axis(column), axis(row)), self.level())
    }

    /// The cells that share a side or a corner.
    pub fn neighbors(self) -> Vec<Cell> {
        // In the order in which the language gives them.
        let places = [(1, 1), (-1, -1), (1, -1), (0, -1), (0, 1), (1, 0), (-1, 0), (-1, 1)];
        let mut cells: Vec<Cell> = Vec::with_capacity(8);
        for (right, above) in places {
            let cell = self.beside(right, above);
            if cell != self && !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_points() {
        for (longitude, latitude, level, token) in
            [(-80.195829, 25.802215, 8, "88d9b"), (10.1234, 53.0, 8, "47b1d")]
        {
            let cell = Cell::at(Vector::at(longitude, latitude).unwrap(), level);
            assert_eq!(cell.token(), token);
            assert_eq!(Cell::parse(token), Some(cell));
            assert_eq!(cell.level(), level);
        }
        for bad in ["", "zz", "a", "0", "c0", "12345678901234567"] {
            assert_eq!(Cell::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_cell_holds_its_middle_at_every_level() {
        for level in 0..=LEVEL_MAX {
            let cell = Cell::at(Vector::at(123.4, -56.7).unwrap(), level);
            assert_eq!(Cell::at(cell.middle(), level), cell, "{level}");
            assert!(cell.neighbors().len() >= 4, "{level}");
            assert!(cell.children().iter().all(|child| child.parent(level) == cell), "{level}");
            assert_eq!(cell.children().len(), if level < LEVEL_MAX { 4 } else { 0 });
            assert_eq!(Cell::faces().filter(|face| cell.parent(0) == *face).count(), 1);
        }
    }
}
