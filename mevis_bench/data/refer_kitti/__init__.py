"""Refer-KITTI and Refer-KITTI-V2: sentences about tracked objects of KITTI, with boxes."""
