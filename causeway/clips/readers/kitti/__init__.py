"""The reader of one layout: kitti."""
