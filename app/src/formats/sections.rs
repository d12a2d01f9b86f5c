//! Audacity label track of the sections: `start_sec<TAB>end_sec<TAB>label` a line. Any thread.

use std::fmt::Write;

use super::finite;
use crate::document::Analysis;

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> String {
    let mut text = String::new();
    for section in analysis.sections() {
        writeln!(text, "{:.6}\t{:.6}\t{}", finite(section.start_sec), finite(section.end_sec), section.label)
            .expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{steady, with_sections};

    #[test]
    fn a_section_is_a_label_with_two_ends() {
        assert_eq!(render(&with_sections(0, 0.0, 1)), "2.000000\t6.000000\tverse\n6.000000\t10.000000\tchorus\n");
    }

    #[test]
    fn no_sections_is_an_empty_file() {
        assert_eq!(render(&steady(3, 0.0, 1)), "");
    }
}
