"""From public motion capture files to the motion corpus that `training.corpus` reads.

bvh, acclaim            readers: bytes → joint rotations and paths, with limits
cmu, generic_bvh        adapters: whose skeleton it is → the corpus's joints and segments
calibration             what one person's clips together say about knees, soles and head
extremities             nose, eyes, ears, vertex, heel, ball, toe by stature
floor, resample, quality  ground, contacts, one frame rate, cuts where capture failed
clips, corpus_file      the finished clips, and the file that holds them
collection, splits, convert   a folder of files → train, val and test
"""
