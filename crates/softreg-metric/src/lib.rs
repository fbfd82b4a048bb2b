//! Distances between picture sets for softreg
