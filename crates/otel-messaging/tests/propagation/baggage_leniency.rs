//! Baggage that is not by the letter, or seldom seen, and says something all the same.

use crate::baggage::{extract_lines, relay, value};
use opentelemetry::baggage::BaggageExt;

/// As Java's and Go's readers do: there is nothing between the semicolons that could be lost.
#[test]
fn empty_properties_are_passed_over() {
    for (header, out) in [
        ("tenant=acme;", "tenant=acme"),
        ("key =v ; ", "key=v"),
        ("a=1;;", "a=1"),
        ("a=1; \t;\t ; ", "a=1"),
        ("a=1;;p", "a=1;p"),
        ("a=1;p;", "a=1;p"),
        ("a=1;p;;q=2; ;r", "a=1;p;q=2;r"),
        ("a=;", "a="),
        ("a=1;p=", "a=1;p="),
        (";,a=1", "a=1"),
        ("a=1,", "a=1"),
        (",,a=1,,b=2 , ,", "a=1,b=2"),
        ("a=1;,b=2", "a=1,b=2"),
    ] {
        assert_eq!(relay(&[header]).as_deref(), Some(out), "{header:?}");
        let (key, _) = out.split_once('=').expect("a member");
        assert!(value(header, key).is_some(), "{header:?}");
    }
}

/// Java's and JavaScript's readers keep the value. What the property says cannot be sent on.
#[test]
fn a_malformed_property_is_left_out_and_its_member_counts() {
    for (header, out) in [
        ("a=1;=2", "a=1"),
        ("a=1;p q", "a=1"),
        ("a=1;p q;r=2", "a=1;r=2"),
        ("a=1;r=2;p=\"x\"", "a=1;r=2"),
        ("a=1;p=\r\nevil: 1", "a=1"),
        ("a=1;p=ü;q", "a=1;q"),
        ("a=1;(p)=2", "a=1"),
        ("a=1;p=\0,b=2", "a=1,b=2"),
    ] {
        let refused = otel_messaging::loss::refused_fields();
        assert_eq!(relay(&[header]).as_deref(), Some(out), "{header:?}");
        assert!(
            otel_messaging::loss::refused_fields() > refused,
            "{header:?}"
        );
        assert_eq!(value(header, "a").as_deref(), Some("1"), "{header:?}");
    }
}

/// The inputs of the W3C's own tests: <https://github.com/w3c/baggage>, `test/test_baggage.py` at commit
/// 9af80f4. Each member: key, value, properties.
#[test]
fn what_the_w3c_tests_is_read() {
    type Member = (&'static str, &'static str, &'static str);
    let encoded = "%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29";
    let decoded = "\t \"';=asdf!@#$%^&*()";
    let spaced_encoded = format!("SomeKey \t = \t {encoded} \t ");
    let plainly_encoded = format!("SomeKey={encoded}");
    let property_encoded = format!("SomeKey=SomeValue;SomePropKey={encoded}");
    let one: &[Member] = &[("SomeKey", "SomeValue", "")];
    let two: &[Member] = &[
        ("SomeKey", "SomeValue", "SomeProp"),
        ("SomeKey2", "SomeValue2", "ValueProp=PropVal"),
    ];
    let two_pairs: &[Member] = &[
        ("SomeKey", "SomeValue", "SomePropKey=SomePropValue"),
        ("SomeKey2", "SomeValue2", "SomePropKey2=SomePropValue2"),
    ];
    let cases: [(&str, &[Member]); 17] = [
        ("SomeKey=SomeValue", one),
        ("SomeKey \t = \t SomeValue \t ", one),
        (
            "SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal",
            two,
        ),
        (
            "SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \t ; \t \
             ValueProp \t = \t PropVal",
            two,
        ),
        (
            "SomeKey=SomeValue;SomePropKey=SomePropValue,SomeKey2=SomeValue2;SomePropKey2=SomePropValue2",
            two_pairs,
        ),
        (
            "SomeKey \t = \t SomeValue \t ; \t SomePropKey=SomePropValue \t , \t SomeKey2 \t = \t \
             SomeValue2 \t ; \t SomePropKey2 \t = \t SomePropValue2",
            two_pairs,
        ),
        (
            "SomeKey=SomeValue=equals",
            &[("SomeKey", "SomeValue=equals", "")],
        ),
        (&plainly_encoded, &[("SomeKey", decoded, "")]),
        (&spaced_encoded, &[("SomeKey", decoded, "")]),
        ("SomeKey=SomeValue;SomeProp", &two[..1]),
        ("SomeKey \t = \t SomeValue \t ; \t SomeProp", &two[..1]),
        (
            "SomeKey=SomeValue;SomeProp;SecondProp=PropValue",
            &[("SomeKey", "SomeValue", "SomeProp;SecondProp=PropValue")],
        ),
        (
            "SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; \t SecondProp \t = \t PropValue",
            &[("SomeKey", "SomeValue", "SomeProp;SecondProp=PropValue")],
        ),
        (
            "SomeKey=SomeValue;SomeProp;SomeProp=PropValue;SomeProp=AnotherPropValue",
            &[(
                "SomeKey",
                "SomeValue",
                "SomeProp;SomeProp=PropValue;SomeProp=AnotherPropValue",
            )],
        ),
        (
            "SomeKey=SomeValue;SomePropKey=SomePropValue",
            &two_pairs[..1],
        ),
        (
            "SomeKey \t = \t SomeValue \t ; \t SomePropKey \t = \t SomePropValue",
            &two_pairs[..1],
        ),
        (
            "SomeKey=SomeValue;ValueProp%20%09%20%3D%20%09%20PropVal",
            &[(
                "SomeKey",
                "SomeValue",
                "ValueProp%20%09%20%3D%20%09%20PropVal",
            )],
        ),
    ];
    for (header, expected) in cases {
        let context = extract_lines(&[header]);
        let baggage = context.baggage();
        assert_eq!(baggage.len(), expected.len(), "{header}");
        for (key, value, properties) in expected {
            let (found, metadata) = baggage.get_with_metadata(key).expect("the member");
            let metadata = metadata.as_str().replace([' ', '\t'], "");
            assert_eq!(
                (found.as_str(), &*metadata),
                (*value, *properties),
                "{header}"
            );
        }
    }
    // A property's value is not decoded, and goes out as it came in.
    assert_eq!(relay(&[&property_encoded]), Some(property_encoded));
}
