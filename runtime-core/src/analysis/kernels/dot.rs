//! Inner products.

/// The sum of products, in order. Longer than the other: what is beyond is left out.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::dot;

    #[test]
    fn products_are_added_and_what_has_no_partner_is_left_out() {
        assert_eq!(dot(&[1.0, 2.0, 3.0], &[4.0, -5.0, 6.0]), 12.0);
        assert_eq!(dot(&[2.0, 7.0], &[3.0]), 6.0);
        assert_eq!(dot(&[], &[1.0]), 0.0);
    }
}
