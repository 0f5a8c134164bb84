//! Producers, a destination and its consumers, with arrows between them: where everything is, in units of the picture.

use indicatif::HumanCount as Count;

/// How many nodes a side has.
const NODES: usize = 12;
const NODE_WIDTH: u32 = 190;
const MIDDLE_WIDTH: u32 = 150;
const ARROW_WIDTH: u32 = 240;
/// An arrow and the label above it.
const ARROW_HEIGHT: u32 = 34;
const GAP: u32 = 14;
const MARGIN: u32 = 4;
/// As wide as letters of the node's font are on average; what is wider is clipped.
const LETTERS: usize = 23;

/// A producer or a consumer, and its arrows to or from the destination.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) arrows: Vec<Arrow>,
}

pub(super) struct Arrow {
    pub(super) class: &'static str,
    pub(super) label: String,
    /// Unless that is not known.
    pub(super) messages: Option<u64>,
}

pub(super) struct Diagram {
    pub(super) title: String,
    /// The same in words.
    pub(super) description: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: Vec<Frame>,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Frame {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) text: String,
    pub(super) name: String,
    pub(super) is_middle: bool,
}

pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) y: u32,
    pub(super) thickness: String,
}

impl Diagram {
    pub(super) fn new(producers: Vec<Node>, destination: &str, consumers: Vec<Node>) -> Self {
        let (producers, consumers) = (most(producers), most(consumers));
        let height = height(&producers).max(height(&consumers)).max(ARROW_HEIGHT);
        let middle = MARGIN + NODE_WIDTH + ARROW_WIDTH;
        let mut diagram = Self {
            title: format!("Messages through {destination}"),
            description: words(&producers, destination, &consumers),
            width: middle + MIDDLE_WIDTH + MARGIN,
            height: height + 2 * MARGIN,
            frames: vec![Frame {
                x: middle,
                y: MARGIN,
                width: MIDDLE_WIDTH,
                height,
                text: short(destination, 15),
                name: destination.to_owned(),
                is_middle: true,
            }],
            lines: Vec::new(),
        };
        diagram.side(&producers, MARGIN, MARGIN + NODE_WIDTH, height);
        if !consumers.is_empty() {
            let consumer = middle + MIDDLE_WIDTH + ARROW_WIDTH;
            diagram.side(&consumers, consumer, middle + MIDDLE_WIDTH, height);
            diagram.width = consumer + NODE_WIDTH + MARGIN;
        }
        diagram
    }

    fn side(&mut self, nodes: &[Node], x: u32, arrows_x: u32, whole: u32) {
        let most = nodes
            .iter()
            .flat_map(|node| &node.arrows)
            .filter_map(|arrow| arrow.messages)
            .max();
        let mut y = MARGIN + (whole - height(nodes)) / 2;
        for node in nodes {
            let height = node_height(node);
            for (index, arrow) in (0..).zip(&node.arrows) {
                let share = arrow.messages.unwrap_or(1) as f64 / most.unwrap_or(1).max(1) as f64;
                self.lines.push(Line {
                    class: arrow.class,
                    label: label(arrow),
                    from: arrows_x + 4,
                    to: arrows_x + ARROW_WIDTH - 4,
                    y: y + index * ARROW_HEIGHT + 24,
                    thickness: format!("{:.1}", 2.0 + 3.0 * share.sqrt().min(1.0)),
                });
            }
            self.frames.push(Frame {
                x,
                y,
                width: NODE_WIDTH,
                height,
                text: short(&node.name, LETTERS),
                name: node.name.clone(),
                is_middle: false,
            });
            y += height + GAP;
        }
    }
}

/// Those after the first are drawn as one.
fn most(mut nodes: Vec<Node>) -> Vec<Node> {
    if nodes.len() <= NODES {
        return nodes;
    }
    let rest = nodes.split_off(NODES - 1);
    let name = format!("{} more", Count(rest.len() as u64));
    let mut arrows: Vec<Arrow> = Vec::new();
    for arrow in rest.into_iter().flat_map(|node| node.arrows) {
        match arrows.iter_mut().find(|each| each.label == arrow.label) {
            Some(each) => {
                let both = each.messages.zip(arrow.messages);
                each.messages = both.map(|(one, other)| one.saturating_add(other));
            }
            None => arrows.push(arrow),
        }
    }
    nodes.push(Node { name, arrows });
    nodes
}

fn node_height(node: &Node) -> u32 {
    let arrows: u32 = node.arrows.iter().map(|_| ARROW_HEIGHT).sum();
    arrows.max(ARROW_HEIGHT)
}

fn height(nodes: &[Node]) -> u32 {
    let all: u32 = nodes.iter().map(|node| node_height(node) + GAP).sum();
    all.saturating_sub(GAP)
}

fn label(arrow: &Arrow) -> String {
    match arrow.messages {
        Some(messages) => format!("{} {}", Count(messages), arrow.label),
        None => arrow.label.clone(),
    }
}

fn words(producers: &[Node], destination: &str, consumers: &[Node]) -> String {
    let labels = |node: &Node| {
        let labels: Vec<String> = node.arrows.iter().map(label).collect();
        labels.join(", ")
    };
    let producers = producers
        .iter()
        .map(|node| format!("{} to {destination}: {}.", node.name, labels(node)));
    let consumers = consumers
        .iter()
        .map(|node| format!("{destination} to {}: {}.", node.name, labels(node)));
    let words: Vec<String> = producers.chain(consumers).collect();
    words.join(" ")
}

fn short(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    let start: String = name.chars().take(letters - 1).collect();
    format!("{}…", start.trim_end_matches('…'))
}
