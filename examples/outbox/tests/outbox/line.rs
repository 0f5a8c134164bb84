//! A line of what a program prints.

/// A step, or a span that has ended, with its ids.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) parent: Option<String>,
    pub(crate) links: Vec<String>,
}

impl Line {
    pub(crate) fn read(text: &str) -> Self {
        let (who, rest) = text.split_once(' ').expect("a word");
        let (what, ids) = rest.split_once(" trace ").expect("the ids");
        let ids: Vec<_> = ids.split(' ').collect();
        // The trace stands first; every other id after its name.
        let named = |name| {
            let pairs = ids[1..].chunks(2).filter(move |pair| pair[0] == name);
            pairs.map(|pair| pair[1].to_owned())
        };
        Self {
            who: who.to_owned(),
            what: what.trim().to_owned(),
            trace: ids[0].to_owned(),
            span: named("span").next().expect("a span"),
            parent: named("parent").next(),
            links: named("link").collect(),
        }
    }

    /// Asserts that this is a span in the other's trace, below the other's.
    #[track_caller]
    pub(crate) fn assert_child_of(&self, other: &Line) {
        assert_eq!(self.trace, other.trace, "{self:?} {other:?}");
        let parent = self.parent.as_ref();
        assert_eq!(parent, Some(&other.span), "{self:?} {other:?}");
    }

    /// Asserts that this is the span of the handling of the message that was sent there.
    #[track_caller]
    pub(crate) fn assert_handles(&self, send: &Line) {
        self.assert_child_of(send);
        assert_eq!(self.links, std::slice::from_ref(&send.span));
    }
}
