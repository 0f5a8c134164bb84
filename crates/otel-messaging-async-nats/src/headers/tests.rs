use super::*;
use proptest::prelude::*;

#[test]
fn any_spelling_is_found_and_replaced() {
    let mut headers = HeaderMap::new();
    headers.insert("Traceparent", "old");
    headers.append("Order", "7");
    headers.append("Order", "8");
    assert_eq!(Carrier::get(&headers, "traceparent"), Some("old"));

    headers.set("traceparent", "new".into()).unwrap();
    let mut expected = HeaderMap::new();
    expected.insert("traceparent", "new");
    expected.append("Order", "7");
    expected.append("Order", "8");
    assert_eq!(headers, expected);
}

#[test]
fn what_nats_cannot_represent_is_refused() {
    let mut headers = HeaderMap::new();
    let value = headers.set("baggage", "a=1\r\nevil: 2".into());
    assert_eq!(value, Err(CarrierError::InvalidValue));
    for name in ["", "a b", "a:b", "ü", "a\n"] {
        assert_eq!(headers.set(name, "".into()), Err(CarrierError::InvalidName));
    }
    assert!(headers.is_empty());
}

proptest! {
    #[test]
    fn nothing_panics(name in any::<String>(), value in any::<String>()) {
        let mut headers = HeaderMap::new();
        if headers.set(&name, value.as_str().into()).is_ok() {
            prop_assert_eq!(Carrier::get(&headers, &name), Some(value.as_str()));
        } else {
            prop_assert!(headers.is_empty());
        }
        CarrierMut::remove(&mut headers, &[&name]);
        prop_assert!(headers.is_empty());
    }
}
