//! How an input is read: as lines of headers, so that a seed can be written and read by people.

/// A header, or an entry of whatever else a target builds.
#[derive(Debug, Clone)]
pub struct Line {
    /// Any bytes but a line break; `\n` stands for one.
    pub name: Vec<u8>,
    /// As the name; `None` is null.
    pub value: Option<Vec<u8>>,
}

impl Line {
    /// The name as text, each broken byte replaced.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The value as text, each broken byte replaced; null is empty.
    pub fn value(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

/// The lines of an input: `name: value`, or a name alone.
pub fn lines(data: &[u8]) -> Vec<Line> {
    let lines = data.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(
            |line| match line.windows(2).position(|pair| pair == b": ") {
                Some(at) => Line {
                    name: unescape(&line[..at]),
                    value: Some(unescape(&line[at + 2..])),
                },
                None => Line {
                    name: unescape(line),
                    value: None,
                },
            },
        )
        .collect()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'n', tail @ ..] => {
                bytes.push(b'\n');
                rest = tail;
            }
            [byte, tail @ ..] => {
                bytes.push(*byte);
                rest = tail;
            }
            [] => return bytes,
        }
    }
}
