//! What is counted under names that somebody else chooses.

use std::collections::HashMap;

/// More names are counted under one.
const MOST: usize = 100;

/// The name of those that are not told apart.
const OTHERS: &str = "(others)";

/// What is counted under each of few names.
#[derive(Debug)]
pub(crate) struct Named<T> {
    places: HashMap<String, usize>,
    counted: Vec<T>,
}

impl<T: Default> Named<T> {
    /// What is counted under a name, or of all others where there are too many.
    pub(crate) fn of(&mut self, name: &str) -> &mut T {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None if self.places.len() < MOST => self.add(name),
            None => match self.places.get(OTHERS) {
                Some(place) => *place,
                None => self.add(OTHERS),
            },
        };
        &mut self.counted[place]
    }

    fn add(&mut self, name: &str) -> usize {
        let place = self.counted.len();
        self.counted.push(T::default());
        self.places.insert(name.to_owned(), place);
        place
    }
}

impl<T> Named<T> {
    /// In the order in which the names came.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = (String, T)> {
        let mut names: Vec<_> = self.places.into_iter().collect();
        names.sort_by_key(|(_, place)| *place);
        names.into_iter().map(|(name, _)| name).zip(self.counted)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            counted: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_takes_no_room() {
        let mut named = Named::<u64>::default();
        for number in 0..100_000 {
            *named.of(&format!("order-{number}")) += 1;
        }
        *named.of("order-7") += 1;
        let parts: Vec<_> = named.into_parts().collect();
        assert_eq!(parts.len(), MOST + 1);
        assert_eq!(parts[7], ("order-7".to_owned(), 2));
        assert_eq!(parts[MOST], (OTHERS.to_owned(), 100_000 - 100));
    }
}
