//! One colour a section label, the same in every output. Any thread.
//!
//! Seven of the eight colours of Okabe and Ito, "Color Universal Design" (2008), which people with any colour vision tell apart, and a
//! grey for silence; the order is that of the contract's labels. Colour never stands alone: a name stands with it everywhere.

use runtime_core::state::SECTION_LABELS;

/// `#rrggbb` of each label.
pub(crate) const SECTION_COLOURS: [&str; SECTION_LABELS.len()] =
    ["#999999", "#56b4e9", "#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#f0e442"];
