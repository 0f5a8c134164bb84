//! JSON by the grammar of RFC 8259, read a second time.

/// A value, as deep as an envelope's entries are; what is deeper has its grammar checked.
pub enum Json<'a> {
    /// `null`.
    Null,
    /// A string, unless it has half of a surrogate pair.
    Text(Option<String>),
    /// The entries of a map, in their order.
    Map(Vec<Entry<'a>>),
    /// Anything else, or a map that is too deep to be looked into.
    Other,
}

/// An entry of a map.
pub struct Entry<'a> {
    /// The key, unless it has half of a surrogate pair.
    pub name: Option<String>,
    /// The value.
    pub value: Json<'a>,
    /// How the value is written.
    pub source: &'a str,
}

/// Maps within each other that are looked into: an envelope, and a context in it.
const DEPTH: u32 = 2;

/// The value that is all of the text, if it is one.
pub fn read(data: &[u8]) -> Option<Json<'_>> {
    let mut reader = Reader {
        rest: str::from_utf8(data).ok()?,
    };
    reader.space();
    let value = reader.value(DEPTH)?;
    reader.space();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.bytes().next()
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.eat(text).then_some(())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// With the white space before it, but not that behind it.
    fn value(&mut self, depth: u32) -> Option<Json<'a>> {
        self.space();
        match self.peek()? {
            b'{' if depth > 0 => self.map(depth - 1).map(Json::Map),
            b'{' | b'[' => self.skip().map(|()| Json::Other),
            _ => self.scalar(),
        }
    }

    fn map(&mut self, depth: u32) -> Option<Vec<Entry<'a>>> {
        self.expect("{")?;
        self.space();
        let mut entries = Vec::new();
        if self.eat("}") {
            return Some(entries);
        }
        loop {
            let name = self.key()?;
            self.space();
            let start = self.rest;
            let value = self.value(depth)?;
            let source = start.strip_suffix(self.rest)?;
            entries.push(Entry {
                name,
                value,
                source,
            });
            self.space();
            if self.eat("}") {
                return Some(entries);
            }
            self.expect(",")?;
        }
    }

    /// Without recursion, so that nothing is too deep.
    fn skip(&mut self) -> Option<()> {
        let mut ends = Vec::new();
        loop {
            self.space();
            let end = match self.peek()? {
                b'{' => Some("}"),
                b'[' => Some("]"),
                _ => None,
            };
            if let Some(end) = end {
                self.rest = &self.rest[1..];
                self.space();
                if !self.eat(end) {
                    ends.push(end);
                    self.key_in(end)?;
                    continue;
                }
            } else {
                self.scalar()?;
            }
            loop {
                let Some(end) = ends.last() else {
                    return Some(());
                };
                self.space();
                if !self.eat(end) {
                    self.expect(",")?;
                    self.key_in(end)?;
                    break;
                }
                ends.pop();
            }
        }
    }

    fn key_in(&mut self, end: &str) -> Option<()> {
        if end == "}" {
            self.key()?;
        }
        Some(())
    }

    fn key(&mut self) -> Option<Option<String>> {
        self.space();
        let name = self.text()?;
        self.space();
        self.expect(":")?;
        Some(name)
    }

    fn scalar(&mut self) -> Option<Json<'a>> {
        match self.peek()? {
            b'"' => self.text().map(Json::Text),
            b'n' => self.expect("null").map(|()| Json::Null),
            b't' => self.expect("true").map(|()| Json::Other),
            b'f' => self.expect("false").map(|()| Json::Other),
            _ => self.number().map(|()| Json::Other),
        }
    }

    fn number(&mut self) -> Option<()> {
        self.eat("-");
        if !self.eat("0") {
            self.digits()?;
        }
        if self.eat(".") {
            self.digits()?;
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("+") || self.eat("-");
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self
            .rest
            .trim_start_matches(|digit: char| digit.is_ascii_digit());
        let is_some = rest.len() < self.rest.len();
        self.rest = rest;
        is_some.then_some(())
    }

    fn text(&mut self) -> Option<Option<String>> {
        self.expect("\"")?;
        let mut units = Vec::new();
        loop {
            let character = self.rest.chars().next()?;
            self.rest = &self.rest[character.len_utf8()..];
            match character {
                '"' => return Some(String::from_utf16(&units).ok()),
                '\\' => units.push(self.escape()?),
                '\0'..=' ' if character != ' ' => return None,
                _ => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let letter = self.peek()?;
        let unit = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let digits = self.rest.get(1..5)?;
                let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                self.rest = &self.rest[5..];
                return is_number.then(|| u16::from_str_radix(digits, 16).ok())?;
            }
            _ => return None,
        };
        self.rest = &self.rest[1..];
        Some(unit.into())
    }
}
