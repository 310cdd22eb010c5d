//! The journal: segments of framed, checksummed commits. It knows nothing of what they hold.
