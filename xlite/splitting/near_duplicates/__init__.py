"""Pictures that are the same film under another name: cropped, turned, mirrored, saved again.

A film is shrunk and described by small patches between its marks (`film`). Films that share
patches in one position are candidates (`index`); a candidate is laid on the other and their finest
detail is correlated (`alignment`). Chest films look alike at large; in their detail no two do.
"""
